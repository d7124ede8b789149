package waldur_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// row is one row of a table of the product's behaviour, as one exchange.
type row struct {
	token, method, target, body string
	header                      []string // name, value, …
	status                      int
	reply                       string // the whole body, byte by byte
}

func (w *world) hold(t *testing.T, rows map[string]row) {
	t.Helper()
	for name, r := range rows {
		reply := w.send(t, r.token, r.method, r.target, r.body, r.header...)
		if reply.Code != r.status || reply.Body.String() != r.reply {
			t.Errorf("%s: %s %s %s = %d %s, want %d %s", name, r.method, r.target, r.body, reply.Code, reply.Body, r.status, r.reply)
		}
	}
}

func said(text string) string { return fmt.Sprintf(`{"detail":%q}`, text) }

func TestCredentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rows := map[string]row{}
	for name, r := range map[string]struct{ header, want string }{
		"none":             {"", "Authentication credentials were not provided."},
		"another scheme":   {"Basic bWFyaWE6eA==", "Authentication credentials were not provided."},
		"bearer":           {"Bearer " + maria, "Authentication credentials were not provided."},
		"bearer and token": {"Bearer Token " + maria, "Invalid token. Token string should not contain spaces."},
		"token alone":      {"Token", "Invalid token. No credentials provided."},
		"three words":      {"Token a b", "Invalid token. Token string should not contain spaces."},
		"no text":          {"Token \xff\xfe", "Invalid token header. Token string should not contain invalid characters."},
		"unknown":          {"Token " + strings.Repeat("0", 40), "Invalid token."},
		"upper case":       {"Token " + strings.Repeat("A", 40), "Invalid token."},
		"switched off":     {"token " + gone, "User inactive or deleted."},
	} {
		rows[name] = row{
			method: http.MethodGet, target: "/api/keys/", header: []string{"Authorization", r.header}, status: 401, reply: said(r.want),
		}
	}
	rows["before 405"] = row{method: http.MethodPut, target: "/api/keys/", status: 401, reply: said("Authentication credentials were not provided.")}
	rows["before 404"] = row{method: http.MethodGet, target: "/api/keys/x/", status: 401, reply: said("Authentication credentials were not provided.")}
	rows["406 before 401"] = row{
		method: http.MethodGet, target: "/api/keys/", header: []string{"Accept", "image/png"}, status: 406,
		reply: said("Could not satisfy the request Accept header."),
	}
	w.hold(t, rows)
	if got := w.send(t, "", http.MethodGet, "/api/keys/", "").Header()["WWW-Authenticate"]; len(got) != 1 || got[0] != "Token" { //nolint:staticcheck // spelt as upstream spells it
		t.Errorf("WWW-Authenticate = %q, want Token", got)
	}
	w.Passes(t, "59m")
	w.hold(t, map[string]row{"within the hour": {token: brief, method: "HEAD", target: "/api/keys/", status: 200}})
	w.Passes(t, "59m")
	w.hold(t, map[string]row{"used meanwhile": {token: brief, method: "HEAD", target: "/api/keys/", status: 200}})
	w.Passes(t, "1h")
	w.hold(t, map[string]row{"an hour idle": {token: brief, method: "GET", target: "/api/keys/", status: 401, reply: said("Token has expired.")}})
}

func TestCreateErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.key(t, maria, "taken", edKey)
	const types = "ssh-ed25519, ecdsa-sha2-nistp256, ecdsa-sha2-nistp384, ecdsa-sha2-nistp521, ssh-rsa, " +
		"sk-ssh-ed25519@openssh.com, sk-ecdsa-sha2-nistp256@openssh.com"
	long := strings.Repeat("x", 2345)
	body := func(name, key string) string { return `{"name":` + name + `,"public_key":` + key + `}` }
	key := `"` + edKey + `"`
	rows := map[string]row{}
	for name, r := range map[string]struct{ body, want string }{
		"left out":            {`{}`, `{"public_key":["This field is required."]}`},
		"no body":             {"", `{"public_key":["This field is required."]}`},
		"null":                {body("null", "null"), `{"public_key":["This field may not be null."],"name":["This field may not be null."]}`},
		"blank":               {body(`""`, `" "`), `{"public_key":["This field may not be blank."]}`},
		"a list":              {body("true", "[]"), `{"public_key":["Not a valid string."],"name":["Not a valid string."]}`},
		"too long":            {body(`"a"`, `"`+long+`"`), `{"public_key":["Ensure this value has at most 2000 characters (it has 2345).","Invalid SSH public key."]}`},
		"long comment":        {body(`"a"`, `"`+edKey+long[:1909]+`"`), `{"public_key":["Ensure this value has at most 2000 characters (it has 2002)."]}`},
		"one word":            {body(`"a"`, `"ssh-ed25519"`), `{"public_key":["Invalid SSH public key."]}`},
		"unknown type":        {body(`"a"`, `"ssh-foo AAAA"`), `{"public_key":["Invalid SSH public key."]}`},
		"bad base64":          {body(`"a"`, `"ssh-ed25519 AAAA*"`), `{"public_key":["Invalid SSH public key."]}`},
		"another type inside": {body(`"a"`, `"ssh-rsa `+strings.Fields(edKey)[1]+`"`), `{"public_key":["Invalid SSH public key."]}`},
		"options":             {body(`"a"`, `"no-pty `+edKey+`"`), `{"public_key":["Invalid SSH public key."]}`},
		"private key":         {body(`"a"`, `"-----BEGIN OPENSSH PRIVATE KEY-----"`), `{"public_key":["Invalid SSH public key."]}`},
		"NUL":                 {body(`"a\u0000"`, `"a\u0000"`), `{"public_key":["Invalid SSH public key.","Null characters are not allowed."],"name":["Null characters are not allowed."]}`},
		"two lines":           {body(`"a"`, `"`+edKey+`\n`+ecKey+`"`), `{"public_key":["Key is not valid: it should be single line."]}`},
		"first line no key":   {body(`"a"`, `"x\n`+ecKey+`"`), `{"public_key":["Invalid SSH public key."]}`},
		"type not allowed":    {body(`"a"`, `"`+dsaKey+`"`), `{"public_key":["Key type 'ssh-dss' is not allowed. Allowed types: ` + types + `."]}`},
		"RSA too short":       {body(`"a"`, `"`+rsaKey+`"`), `{"public_key":["RSA key size 1024 bits is too small. Minimum required: 2048 bits."]}`},
		"long name":           {body(`"`+long[:151]+`"`, key), `{"name":["Ensure this field has no more than 150 characters."]}`},
		"both":                {body(`"`+long[:151]+`"`, `"x"`), `{"public_key":["Invalid SSH public key."],"name":["Ensure this field has no more than 150 characters."]}`},
		"control character":   {body(`"a\u0007b"`, key), `{"name":["Enter a valid value."]}`},
		"taken":               {body(`" taken "`, key), `{"name":["This field must be unique."]}`},
		"list":                {`[]`, `{"non_field_errors":["Invalid data. Expected a dictionary, but got list."]}`},
		"text":                {`"x"`, `{"non_field_errors":["Invalid data. Expected a dictionary, but got str."]}`},
		"number":              {`1`, `{"non_field_errors":["Invalid data. Expected a dictionary, but got int."]}`},
		"broken":              {`{`, said("JSON parse error - the body is not one JSON value")},
	} {
		rows[name] = row{token: maria, method: http.MethodPost, target: "/api/keys/", body: r.body, status: 400, reply: r.want}
	}
	rows["media type"] = row{
		token: maria, method: http.MethodPost, target: "/api/keys/", body: "x", header: []string{"Content-Type", "text/plain"}, status: 415,
		reply: `{"detail":"Unsupported media type \"text/plain\" in request."}`,
	}
	rows["method"] = row{token: maria, method: http.MethodPut, target: "/api/keys/", body: "x", status: 405, reply: `{"detail":"Method \"PUT\" not allowed."}`}
	w.hold(t, rows)
	for target, want := range map[string]string{
		"/api/keys/": "GET, POST, HEAD, OPTIONS", "/api/keys/x/": "GET, DELETE, HEAD, OPTIONS", "/api/keys/x/history/": "GET, HEAD, OPTIONS",
	} {
		if got := w.send(t, maria, http.MethodPatch, target, "").Header().Get("Allow"); got != want {
			t.Errorf("Allow of %s = %q, want %q", target, got, want)
		}
	}
	w.key(t, maria, "", edKey) // a name like any other, once
	w.hold(t, map[string]row{"empty name twice": {
		token: maria, method: "POST", target: "/api/keys/", body: `{"public_key":` + key + `}`, status: 400, reply: `{"name":["This field must be unique."]}`,
	}})
}

func TestFilters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	laptop := w.key(t, maria, "Laptop", edKey)
	w.Passes(t, "1h")
	w.key(t, maria, "desk", ecKey)
	w.key(t, bob, "shared laptop", edKey)
	all := func(names ...string) string {
		for i, name := range names {
			names[i] = `{"name":"` + name + `"}`
		}
		return "[" + strings.Join(names, ",") + "]"
	}
	rows := map[string]row{}
	for query, want := range map[string]string{
		"":                                    all("Laptop", "desk", "shared laptop"),
		"name=LAP":                            all("Laptop", "shared laptop"),
		"name=+de+":                           all("desk"),
		"name=d":                              all("desk", "shared laptop"),
		"name=x&name=de":                      all("desk"),
		"name_exact=Laptop":                   all("Laptop"),
		"name_exact=laptop":                   all(),
		"is_shared=1":                         all("Laptop", "desk", "shared laptop"),
		"is_shared=True":                      all(),
		"is_shared=false":                     all("Laptop", "desk", "shared laptop"),
		"user_uuid=" + mariaUUID:              all("Laptop", "desk"),
		"uuid=" + strings.ToUpper(laptop):     all("Laptop"),
		"o=-name":                             all("shared laptop", "desk", "Laptop"),
		"o=-name&o=name":                      all("Laptop", "desk", "shared laptop"),
		"o=-name,name":                        all("shared laptop", "desk", "Laptop"),
		"unknown=1&created=":                  all("Laptop", "desk", "shared laptop"),
		"created=2026-03-01T11:20:30.123456Z": all("desk", "shared laptop"),
		"created=2026-03-01T13:20:30.123456%2B02:00":                              all("desk", "shared laptop"),
		"created=2026-03-01%2011:20:31":                                           all(),
		"created_before=2026-03-01T11:20":                                         all("Laptop"),
		"modified_before=2026-03-01T10:20:30.123456%2B0000":                       all("Laptop"),
		"fingerprint_md5=8b:c6:dd:3a:3b:2d:7e:ed:c4:85:c6:b9:1c:92:fe:01":         all("desk"),
		"fingerprint_md5=8B:c6:dd:3a:3b:2d:7e:ed:c4:85:c6:b9:1c:92:fe:01":         all(),
		"fingerprint_sha256=SHA256:9b5sW4wGiRSdgotT7kY1EOBDOJyoC9cRTGCdpco6%2B0Q": all("desk"),
		"fingerprint_sha256=9b5sW4wGiRSdgotT7kY1EOBDOJyoC9cRTGCdpco6%2B0Q":        all(),
		"page=2&page_size=2":    all("shared laptop"),
		"page=last&page_size=2": all("shared laptop"),
		"page_size=0":           all("Laptop", "desk", "shared laptop"),
	} {
		rows[query] = row{token: helen, method: http.MethodGet, target: "/api/keys/?field=name&" + query, status: 200, reply: want}
	}
	for query, want := range map[string]string{
		"user_uuid=x&created=soon&uuid=-": `{"uuid":["Enter a valid UUID."],"created":["Enter a valid date/time."],"user_uuid":["Enter a valid UUID."]}`,
		"created=2026-02-30":              `{"created":["Enter a valid date/time."]}`,
		"o=name,created":                  `{"o":["Select a valid choice. created is not one of the available choices."]}`,
		"name=a%00":                       `{"name":["Null characters are not allowed."]}`,
	} {
		rows[query] = row{token: helen, method: http.MethodGet, target: "/api/keys/?" + query, status: 400, reply: want}
	}
	for _, page := range []string{"2", "0", "-1", "x", "99999999999999999999"} {
		rows["page "+page] = row{token: helen, method: http.MethodGet, target: "/api/keys/?page=" + page, status: 404, reply: said("Invalid page.")}
	}
	rows["empty list"] = row{token: helen, method: http.MethodGet, target: "/api/keys/?name_exact=none", status: 200, reply: "[]"}
	w.hold(t, rows)
}

func TestLinks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 20 {
		w.key(t, maria, fmt.Sprintf("lap %02d", i), edKey)
	}
	at := "<http://keys.example.org/api/keys/?name=lap+&o=&page_size=5"
	for query, want := range map[string]string{
		"page_size=5&o=&name=lap%20":        at + `>; rel="first", ` + strings.Replace(at, "&page_size", "&page=2&page_size", 1) + `>; rel="next", ` + strings.Replace(at, "&page_size", "&page=4&page_size", 1) + `>; rel="last"`,
		"page=2&page_size=5&o=&name=lap%20": at + `>; rel="first", ` + at + `>; rel="prev", ` + strings.Replace(at, "&page_size", "&page=3&page_size", 1) + `>; rel="next", ` + strings.Replace(at, "&page_size", "&page=4&page_size", 1) + `>; rel="last"`,
		"name_exact=none":                   `<http://keys.example.org/api/keys/?name_exact=none>; rel="first", <http://keys.example.org/api/keys/?name_exact=none>; rel="last"`,
	} {
		reply := w.send(t, maria, http.MethodHead, "/api/keys/?"+query, "")
		if got := reply.Header().Get("Link"); got != want || reply.Body.Len() > 0 {
			t.Errorf("Link of %s = %s\nwant %s", query, got, want)
		}
	}
	if got := w.send(t, maria, http.MethodHead, "/api/keys/", "").Header().Get("X-Result-Count"); got != "20" {
		t.Errorf("X-Result-Count = %q, want 20", got)
	}
}

func TestHistoryErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.key(t, maria, "laptop", edKey)
	at := "/api/keys/" + id + "/history/"
	version := `{"id":1,"revision_date":"2026-03-01T10:20:30.123456+00:00","revision_user":{"uuid":"0c6f1d0e2b3a4c5d8e9f7a6b5c4d3e2f","username":"maria","full_name":"Maria Tamm"},` +
		`"revision_comment":"Created via REST API","serialized_data":{"created":"2026-03-01T10:20:30.123Z","modified":"2026-03-01T10:20:30.123Z","uuid":"` + id + `","user":12,"name":"laptop",` +
		`"fingerprint_md5":"33:64:86:da:07:31:04:55:db:c8:24:f5:21:fb:08:94","fingerprint_sha256":"SHA256:DUqHBxPH36v9VjcfATbLVjVrbWG7MPwOL1YzLxYghFs",` +
		`"fingerprint_sha512":"SHA512:NOSpoFUUnTJ07FsVPTTiVgO1CK1weCz9/nxlzMK2uKPJ+caPRMi6M/DUOnEmMGYFlhCdZiee0iBn3cDeBrpxJA","public_key":"` + edKey + `","is_shared":false}`
	denied := said("You do not have permission to perform this action.")
	noKey := said("No SshPublicKey matches the given query.")
	w.hold(t, map[string]row{
		"list":                 {token: helen, method: "GET", target: at, status: 200, reply: "[" + version + "}]"},
		"after":                {token: helen, method: "GET", target: at + "?created_after=2026-03-01T10:20:30.123456Z", status: 200, reply: "[]"},
		"before, as no filter": {token: helen, method: "GET", target: at + "?created_before=2026-03-02", status: 200, reply: "[" + version + "}]"},
		"bad time":             {token: helen, method: "GET", target: at + "?created_after=soon", status: 400, reply: `{"created_after":"Invalid timestamp format."}`},
		"filter":               {token: helen, method: "GET", target: at + "?name=desk", status: 404, reply: noKey},
		"bad filter":           {token: helen, method: "GET", target: at + "?created=soon", status: 400, reply: `{"created":["Enter a valid date/time."]}`},
		"at":                   {token: sam, method: "GET", target: at + "at/?timestamp=2026-03-01T12:20:31%2B02:00", status: 200, reply: version + `,"queried_at":"2026-03-01T12:20:31+02:00"}`},
		"at, blank for plus":   {token: sam, method: "GET", target: at + "at/?timestamp=2026-03-01T12:20:31+02:00", status: 200, reply: version + `,"queried_at":"2026-03-01T12:20:31 02:00"}`},
		"at a day":             {token: sam, method: "GET", target: at + "at/?timestamp=20260302", status: 200, reply: version + `,"queried_at":"20260302"}`},
		"no time":              {token: sam, method: "GET", target: at + "at/", status: 400, reply: `{"timestamp":"This parameter is required."}`},
		"no such time":         {token: sam, method: "GET", target: at + "at/?timestamp=x", status: 400, reply: `{"timestamp":"Invalid timestamp format."}`},
		"too early":            {token: sam, method: "GET", target: at + "at/?timestamp=2026-03-01", status: 404, reply: said("No version found before the specified timestamp.")},
		"no key":               {token: sam, method: "GET", target: "/api/keys/" + strings.Repeat("0", 32) + "/history/at/", status: 404, reply: noKey},
		"owner":                {token: maria, method: "GET", target: at, status: 403, reply: denied},
		"stranger to the key":  {token: bob, method: "GET", target: "/api/keys/x/history/at/?created=soon", status: 403, reply: denied},
	})
}

func TestLogIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	logIn := func(password string) row {
		return row{method: "POST", target: "/api-auth/password/", body: `{"username":"maria","password":"` + password + `"}`, status: 401, reply: said("Invalid username/password.")}
	}
	w.hold(t, map[string]row{
		"missing": {method: "POST", target: "/api-auth/password/", status: 400, reply: `{"username":["This field is required."],"password":["This field is required."]}`},
		"blank":   {method: "POST", target: "/api-auth/password/", body: `{"username":" ","password":""}`, status: 400, reply: `{"username":["This field may not be blank."],"password":["This field may not be blank."]}`},
		"method":  {method: "GET", target: "/api-auth/password/", status: 405, reply: said(`Method "GET" not allowed.`)},
		"wrong":   logIn("nonsense"),
	})
	token := func() string {
		reply := w.send(t, "", http.MethodPost, "/api-auth/password/", `{"username":"maria","password":"`+password+`"}`)
		if reply.Code != http.StatusOK || len(reply.Body.String()) != len(`{"token":""}`)+40 {
			t.Fatalf("log in = %d %s", reply.Code, reply.Body)
		}
		return reply.Body.String()[len(`{"token":"`):][:40]
	}
	first := token()
	if second := token(); second != first {
		t.Errorf("a second log in gives %s, want the same token", second)
	}
	for range 5 {
		w.hold(t, map[string]row{"wrong": logIn("nonsense")})
	}
	locked := logIn(password)
	locked.reply = said("Username is locked out. Try in 10 minutes.")
	w.hold(t, map[string]row{"locked out": locked})
	w.Passes(t, "10m")
	if token() != first {
		t.Error("after the lock another token came, want the same")
	}
	w.hold(t, map[string]row{"log out": {token: first, method: "POST", target: "/api-auth/logout/", status: 204}})
	w.hold(t, map[string]row{"after it": {token: first, method: "GET", target: "/api/", status: 401, reply: said("Invalid token.")}})
}

func TestAbout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hold(t, map[string]row{
		"root":    {token: maria, method: "GET", target: "/api/", status: 200, reply: `{"keys":"http://keys.example.org/api/keys/","users":"http://keys.example.org/api/users/"}`},
		"version": {token: maria, method: "GET", target: "/api/version/", status: 200, reply: `{"version":"8.0.9"}`},
		"me": {token: maria, method: "GET", target: "/api/users/me/?field=username&field=full_name&field=token&field=token_lifetime&field=is_staff", status: 200,
			reply: `{"username":"maria","full_name":"Maria Tamm","token":"` + maria + `","token_lifetime":null}`},
		"another, to staff": {token: sam, method: "GET", target: "/api/users/" + mariaUUID + "/?field=username&field=token&field=is_staff&field=is_active", status: 200,
			reply: `{"username":"maria","is_active":true,"is_staff":false}`},
		"another":       {token: bob, method: "GET", target: "/api/users/" + mariaUUID + "/", status: 404, reply: said("No User matches the given query.")},
		"users":         {token: bob, method: "GET", target: "/api/users/?field=username", status: 200, reply: `[{"username":"bob"}]`},
		"active users":  {token: sam, method: "GET", target: "/api/users/?field=username&is_active=true&o=-username", status: 200, reply: `[{"username":"sam"},{"username":"maria"},{"username":"helen"},{"username":"bob"}]`},
		"users by text": {token: sam, method: "GET", target: "/api/users/?field=username&query=TAMM", status: 200, reply: `[{"username":"maria"}]`},
		"acting as another": {token: sam, method: "GET", target: "/api/users/me/?field=username&field=token", header: []string{"X-Impersonated-User-Uuid", mariaUUID}, status: 200,
			reply: `{"username":"maria"}`},
		"acting, not staff": {token: bob, method: "GET", target: "/api/users/me/?field=username", header: []string{"X-Impersonated-User-Uuid", mariaUUID}, status: 200, reply: `{"username":"bob"}`},
		"unknown path":      {token: bob, method: "GET", target: "/api/nothing/", status: 404, reply: said("Not found.")},
		"no slash":          {method: "GET", target: "/api/keys?name=x", status: 301},
		"strange host":      {token: bob, method: "GET", target: "/api/keys/", header: []string{"Host", "a'b"}, status: 400, reply: said("Invalid HTTP_HOST header.")},
	})
	if got := w.send(t, "", "POST", "/api/keys?name=x", "").Header().Get("Location"); got != "/api/keys/?name=x" {
		t.Errorf("Location = %q, want the slash before the query", got)
	}
}
