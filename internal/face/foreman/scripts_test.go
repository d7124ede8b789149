package foreman_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// client sends requests as one of the real clients does.
type client struct {
	*world
	t         *testing.T
	slash     string   // that it puts before paths: its host setting ends with one
	headers   []string // of each request
	login     string   // "login:secret" that it sends while it has no session
	cookies   bool     // it keeps the cookie of a session
	cookie    string
	checksums map[string]bool // of the description, that it was told
}

// ask sends a request, wants a status, and gives the body.
func (c *client) ask(method, target, body string, status int) string {
	c.t.Helper()
	got := c.send(method, target, body)
	if got.Code != status {
		c.t.Fatalf("%s %s = %d %s, want %d", method, target, got.Code, got.Body, status)
	}
	return got.Body.String()
}

func (c *client) send(method, target, body string) *httptest.ResponseRecorder {
	c.t.Helper()
	as, headers := c.login, c.headers
	if c.cookie != "" {
		as, headers = "", append(slices.Clone(headers), "Cookie", c.cookie)
	}
	got := c.do(as, method, c.slash+target, body, headers...)
	c.checksums[got.Header().Get("Apipie-Checksum")] = true
	if set, _, _ := strings.Cut(got.Header().Get("Set-Cookie"), ";"); c.cookies && set != "" {
		c.cookie = set
	}
	if got.Code >= 300 && got.Code < 400 {
		c.t.Errorf("%s %s = %d: hammer stops at a redirect", method, target, got.Code)
	}
	return got
}

// into asks and reads the answer.
func (c *client) into(v any, method, target, body string, status int) {
	c.t.Helper()
	if text := c.ask(method, target, body, status); json.Unmarshal([]byte(text), v) != nil {
		c.t.Fatalf("%s %s = %s, want JSON", method, target, text)
	}
}

// listed is the envelope of a list, whose numbers must be numbers.
type listed struct {
	Total, Subtotal, Page int
	PerPage               int64 `json:"per_page"`
	Results               []struct {
		ID               int
		Name, Login, Key string
	}
}

// all pages through a list as hammer does, until per_page * page >= subtotal.
func (c *client) all(path, search string, perPage int64) (names []string) {
	c.t.Helper()
	for page := int64(1); ; page++ {
		query := url.Values{"per_page": {fmt.Sprint(perPage)}, "page": {fmt.Sprint(page)}}
		if search != "" {
			query.Set("search", search)
		}
		var l listed
		c.into(&l, http.MethodGet, path+"?"+query.Encode(), "", http.StatusOK)
		for _, r := range l.Results {
			names = append(names, r.Login+r.Name)
		}
		if perPage*page >= int64(l.Subtotal) {
			return names
		}
	}
}

// description is what clients build their requests from.
type description struct {
	Docs struct {
		Resources map[string]struct {
			Methods []struct {
				Name string
				APIs []struct {
					URL    string `json:"api_url"`
					Method string `json:"http_method"`
				}
				Params   []describedParam
				Metadata struct{ Search []struct{ Name, Type string } }
			}
		}
	}
}

func hammer(t *testing.T) *client {
	t.Helper()
	return &client{
		world: newWorld(t), t: t, slash: "/", checksums: map[string]bool{},
		headers: []string{"Accept", "application/json;version=2", "Accept-Language", "en", "Content-Type", "application/json"},
	}
}

type describedParam struct {
	Name        string
	Description *string
	Required    bool
	Expected    string `json:"expected_type"`
	Params      []describedParam
}

// String is "name:type", with a mark where it is required.
func (p describedParam) String() string {
	text := p.Name + ":" + p.Expected
	if p.Required {
		text += "!"
	}
	if p.Params != nil {
		text += fmt.Sprint(p.Params)
	}
	return text
}

// What hammer sends, in its order and with its doubled slashes and headers, as
// observed of hammer-cli 3 with apipie-bindings.
func TestHammer(t *testing.T) {
	t.Parallel()
	c := hammer(t)

	// A cold cache: the checksum, the description in the user's language, or
	// else in any.
	var cached struct{ Checksum string }
	c.into(&cached, "GET", "/apidoc/apipie_checksum", "", 200)
	c.ask("GET", "/apidoc/v2.de_AT.json", "", 404)
	var d description
	c.into(&d, "GET", "/apidoc/v2.json", "", 200)
	if inEnglish := c.ask("GET", "/apidoc/v2.en.json", "", 200); inEnglish != c.ask("GET", "/apidoc/v2.json", "", 200) {
		t.Error("the description in English is another")
	}

	// hammer ping, status. The login gives a session, all later requests its cookie.
	if got := c.ask("GET", "/api/ping", "", 200); !strings.HasPrefix(got, `{"results":{"foreman":{"database":{"active":true,"duration_ms":"`) {
		t.Errorf("hammer ping = %s", got)
	}
	c.login, c.cookies = asAdmin, true
	if c.ask("GET", "/api/status", "", 200); c.cookie == "" {
		t.Fatal("a login begins no session")
	}
	c.login = ""

	// hammer user list, info --login.
	if got := c.all("/api/users", "", 4); len(got) != 6 {
		t.Errorf("hammer user list = %v", got)
	}
	if got := c.all("/api/users", `login = "bob"`, 1000); !slices.Equal(got, []string{"bob"}) {
		t.Errorf("bob is found as %v", got)
	}
	if got := c.all("/api/users", `login = "nobody"`, 1000); got != nil { // "user not found", 70 by hammer itself
		t.Errorf("nobody is found as %v", got)
	}
	c.ask("GET", "/api/users/5", "", 200)

	// hammer user ssh-keys add --key-file, list, info, delete, by names.
	c.ask("POST", "/api/users/5/ssh_keys", keyBody(t, "laptop", ed25519Key+" me@x\n"), 201)
	c.ask("POST", "/api/users/5/ssh_keys", keyBody(t, "desktop", "ssh-rsa AAAAB3NzaC1yc2EAAAABAwAAAAEF\n"), 201)
	if got := c.all("/api/users/5/ssh_keys", "", 1); !slices.Equal(got, []string{"laptop", "desktop"}) {
		t.Errorf("hammer user ssh-keys list = %v", got)
	}
	var found listed
	if c.into(&found, "GET", `/api/users/5/ssh_keys?search=name+%3D+%22laptop%22&per_page=1000&page=1`, "", 200); len(found.Results) != 1 || found.Results[0].ID != 1 || found.Results[0].Key != ed25519Key+" me@x" {
		t.Errorf("laptop is found as %+v", found)
	}
	c.ask("GET", "/api/users/5/ssh_keys/1", "", 200)
	c.ask("DELETE", "/api/users/5/ssh_keys/1?location_id=", "", 200)

	// hammer user access-token.
	var token struct {
		ID    int
		Value string `json:"token_value"`
	}
	c.into(&token, "POST", "/api/users/4/personal_access_tokens", `{"personal_access_token":{"name":"ci"}}`, 201)
	if got := c.all("/api/users/4/personal_access_tokens", "", 1000); !slices.Equal(got, []string{"test", "ci"}) || token.Value == "" {
		t.Errorf("hammer user access-token list = %v", got)
	}
	c.ask("DELETE", fmt.Sprintf("/api/users/4/personal_access_tokens/%d", token.ID), "", 200)

	// With a token all sessions go that it may have begun, and hammer logs in anew.
	again := func() {
		c.cookie, c.login = "", asAdmin
		c.ask("GET", "/api/status", "", 200)
		c.login = ""
	}
	again()

	// A session that is over: an empty text, after which hammer asks for a login.
	c.Pass(time.Hour)
	over := c.send("GET", "/api/users", "")
	if over.Code != http.StatusUnauthorized || over.Body.Len() != 0 || !strings.HasPrefix(over.Header().Get("Content-Type"), "text/plain") {
		t.Errorf("a session that is over = %d %s %q, want an empty text", over.Code, over.Header().Get("Content-Type"), over.Body)
	}
	again()

	if len(c.checksums) != 1 || !c.checksums[cached.Checksum] || len(cached.Checksum) != 40 {
		t.Errorf("Apipie-Checksum of the answers: %v, want %s on all, or the cache is thrown away", c.checksums, cached.Checksum)
	}
}

// What hammer prints of errors: 404 has a message, 422 full messages or one.
func TestHammerErrors(t *testing.T) {
	t.Parallel()
	c := hammer(t)
	c.login = asAdmin
	for _, tt := range []struct {
		method, target, body string
		status               int
		printed              string
	}{
		{"GET", "/api/users/5/ssh_keys/9", "", 404, "message: Resource ssh_key not found by id '9'"},
		{"DELETE", "/api/users/5/ssh_keys/9", "", 404, "message: Resource ssh_key not found by id '9'"},
		{"POST", "/api/users/5/ssh_keys", keyBody(t, "", ed25519Key), 422, "full_messages: [Name can't be blank]"},
		{"GET", "/api/users/bob/ssh_keys", "", 422, "message: Couldn't find User with 'id'=bob"},
		{"GET", "/api/users?search=bogus+%3D+1", "", 400, "message: Field 'bogus' not recognized for searching!"},
	} {
		var reply struct{ Error map[string]any }
		c.into(&reply, tt.method, tt.target, tt.body, tt.status)
		name, text, _ := strings.Cut(tt.printed, ": ")
		if got := fmt.Sprint(reply.Error[name]); got != text {
			t.Errorf("%s %s: hammer prints %s, want %s", tt.method, tt.target, got, text)
		}
	}
}

// What clients need of the description, or have no commands; and that what it
// has is there.
func TestDescription(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var d description
	if err := json.Unmarshal(w.do("", "GET", "/apidoc/v2.json", "").Body.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields("architectures compute_resources domains hostgroups locations media operatingsystems organizations " +
		"provisioning_templates ptables roles smart_proxies subnets usergroups") {
		if d.Docs.Resources[name].Methods == nil {
			t.Errorf("no resource %s, without which hammer has no commands", name)
		}
	}
	for _, plugin := range strings.Fields("ansible_roles discovery_rules subscriptions scap_contents remote_execution_features scc_accounts snapshots templates") {
		if _, there := d.Docs.Resources[plugin]; there {
			t.Errorf("%s is there, which says that a plugin is installed", plugin)
		}
	}
	methods := map[string]string{}
	for resource, r := range d.Docs.Resources {
		for _, m := range r.Methods {
			for _, p := range m.Params {
				if p.Description == nil || !slices.Contains([]string{"string", "numeric", "boolean", "array", "hash"}, p.Expected) {
					t.Errorf("%s#%s has a parameter %+v", resource, m.Name, p)
				}
			}
			for _, api := range m.APIs {
				path := strings.NewReplacer(":user_id", "5", ":id", "5").Replace(api.URL)
				if got := w.do("", api.Method, path, ""); got.Code == http.StatusNotFound {
					t.Errorf("%s %s is described and not there", api.Method, api.URL)
				}
			}
			methods[resource] += " " + m.Name
		}
	}
	for resource, want := range map[string]string{
		"home": "index status", "ping": "ping statuses", "users": "index show show_current create update destroy", "ssh_keys": "index show create destroy",
		"personal_access_tokens": "index show create destroy", "organizations": "index show", "locations": "index show", "roles": "index", "auth_sources": "index",
		"hosts": "update", // of whose parameters the Ansible collection asks first
	} {
		if got := strings.TrimSpace(methods[resource]); got != want {
			t.Errorf("%s has %s, want %s", resource, got, want)
		}
	}
}

// The parameters of methods, in order, with their types: clients check them
// before they send anything.
func TestDescribedParameters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var d description
	if err := json.Unmarshal(w.do("", "GET", "/apidoc/v2.json", "").Body.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	const context = "location_id:numeric organization_id:numeric "
	const user = "firstname:string lastname:string %sdescription:string disabled:boolean admin:boolean password:string " +
		"default_location_id:numeric default_organization_id:numeric %stimezone:string locale:string role_ids:array mail_enabled:boolean " +
		"location_ids:array organization_ids:array"
	want := map[string]string{
		"ssh_keys#index":                 context + "user_id:string! search:string order:string page:numeric per_page:string",
		"ssh_keys#show":                  context + "id:string! user_id:string!",
		"ssh_keys#create":                context + "user_id:string! ssh_key:hash![name:string! key:string!]",
		"ssh_keys#destroy":               context + "id:string! user_id:string!",
		"personal_access_tokens#create":  context + "user_id:string! personal_access_token:hash![name:string! expires_at:string]",
		"personal_access_tokens#destroy": context + "id:string! user_id:string!",
		"users#index":                    context + "search:string order:string page:numeric per_page:string",
		"users#create":                   context + "user:hash![login:string! " + fmt.Sprintf(user, "mail:string! ", "auth_source_id:numeric! ") + "]",
		"users#update": context + "id:string! user:hash![login:string " + fmt.Sprintf(user, "mail:string ", "auth_source_id:numeric ") +
			" current_password:string]",
		"users#show": context + "id:string!", "users#destroy": context + "id:string!", "users#show_current": "",
		"home#index": "", "home#status": "", "ping#ping": "", "ping#statuses": "", "hosts#update": "",
	}
	for resource, r := range d.Docs.Resources {
		for _, m := range r.Methods {
			name := resource + "#" + m.Name
			if text, ok := want[name]; ok && fmt.Sprint(m.Params) != "["+text+"]" {
				t.Errorf("%s takes %v\nwant [%s]", name, m.Params, text)
			}
			delete(want, name)
			if name == "ssh_keys#index" && fmt.Sprint(m.Metadata.Search) != "[{id integer} {name string} {user_id integer}]" {
				t.Errorf("%s is searched by %v", name, m.Metadata.Search)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("%v are not described", want)
	}
}

// What the theforeman.foreman collection sends by way of apypie: for its modules
// status_info, user and resource_info.
func TestAnsible(t *testing.T) {
	t.Parallel()
	c := &client{
		world: newWorld(t), t: t, checksums: map[string]bool{}, login: asAdmin,
		headers: []string{"Accept", "application/json;version=2"},
	}
	const everything = 4294967296
	var d description
	c.into(&d, "GET", "/apidoc/v2.json", "", 200)
	var status struct{ Version string }
	if c.into(&status, "GET", "/api/status", "", 200); status.Version < "2.3.0" {
		t.Errorf("version %s has the collection look for subnets", status.Version)
	}
	c.ask("GET", "/api/ping", "", 200)

	// user: nobody is found, so he is made; then he is as wanted, changed, and removed.
	if got := c.all("/api/users", `login="ann"`, everything); got != nil {
		t.Errorf("ann is found as %v", got)
	}
	for path, search := range map[string]string{
		"/api/organizations": `name="acme"`, "/api/locations": `title="berlin"`, "/api/auth_sources": `name="Internal"`, "/api/roles": `name="Viewer"`,
	} {
		if got := c.all(path, search, everything); len(got) != 1 {
			t.Errorf("%s %s finds %v", path, search, got)
		}
	}
	var made struct{ ID int }
	c.into(&made, "POST", "/api/users", `{"user":{"login":"ann","firstname":"Ann","mail":"ann@example.com","auth_source_id":1,"password":"`+password+
		`","organization_ids":[1],"location_ids":[1],"role_ids":[2]}}`, 201)
	if got := c.all("/api/users", `login="ann"`, everything); !slices.Equal(got, []string{"ann"}) {
		t.Errorf("ann is found as %v", got)
	}
	self := fmt.Sprintf("/api/users/%d", made.ID)
	c.ask("GET", self, "", 200)
	c.ask("PUT", self, `{"user":{"lastname":"Other","role_ids":[]}}`, 200)
	c.ask("POST", self+"/ssh_keys", keyBody(t, "laptop", ed25519Key), 201)
	if got := c.all(self+"/ssh_keys", "", everything); !slices.Equal(got, []string{"laptop"}) {
		t.Errorf("resource_info of ssh_keys = %v", got)
	}
	c.ask("DELETE", self, "", 200)
	c.ask("GET", self, "", 404)
	if len(c.checksums) != 1 {
		t.Errorf("Apipie-Checksum of the answers: %v, want one", c.checksums)
	}
}
