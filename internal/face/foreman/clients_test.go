package foreman_test

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	signer "github.com/dghubble/oauth1"

	"keyrack/internal/core"
	"keyrack/internal/face/foreman"
	"keyrack/internal/vault"
)

// A session ends with its account, and survives on its own.
func TestSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	begin := func(as string) string {
		cookie, _, _ := strings.Cut(w.do(as, http.MethodGet, "/api/status", "").Header().Get("Set-Cookie"), ";")
		return cookie
	}
	status := func(cookie string) int {
		return w.do("nobody:wrong", http.MethodGet, "/api/current_user", "", "Cookie", cookie).Code
	}
	bob := begin("bob:" + password)
	for range 3 {
		w.Pass(50 * time.Minute)
		if got := status(bob); got != http.StatusOK {
			t.Fatalf("a session in use, credentials ignored = %d", got)
		}
	}
	account, err := w.Core.AccountRef(t.Context(), operator, "bob")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Core.SetAccountDisabled(t.Context(), operator, account.UUID, true); err != nil {
		t.Fatal(err)
	}
	if got := status(bob); got != http.StatusUnauthorized {
		t.Errorf("the session of a disabled account = %d", got)
	}
	w.want("bob:"+password, http.MethodGet, "/api/status", "", http.StatusUnauthorized, `{"error":{"message":"User account is disabled, please contact your administrator"}}`)
	w.want("off:wrong", http.MethodGet, "/api/status", "", http.StatusUnauthorized, `{"error":{"message":"Unable to authenticate user off"}}`)
	if got := w.do(asAdmin, http.MethodGet, "/api/status", "", "Cookie", "_session_id=guess").Code; got != http.StatusOK {
		t.Errorf("an unknown session beside a good credential = %d, want 200", got)
	}
}

// A session ends with the personal token that began it, by time as by
// revocation: its client is told as of any session that is over, though it uses
// it all the while and sends the token along, and gets no other for it.
func TestSessionEndsWithItsToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	begin := func(name, lifetime string) (as, cookie, id string) {
		made := w.do(asAdmin, http.MethodPost, "/api/users/5/personal_access_tokens", `{"name": "`+name+`"`+lifetime+`}`)
		var token struct {
			ID    int    `json:"id"`
			Value string `json:"token_value"`
		}
		if err := json.Unmarshal(made.Body.Bytes(), &token); err != nil || token.Value == "" {
			t.Fatalf("make a token: %d %s", made.Code, made.Body)
		}
		as = "bob:" + token.Value
		cookie, _, _ = strings.Cut(w.do(as, http.MethodGet, "/api/status", "").Header().Get("Set-Cookie"), ";")
		return as, cookie, fmt.Sprint(token.ID)
	}
	want := func(when, as, cookie string, status int) {
		t.Helper()
		if got := w.do(as, http.MethodGet, "/api/current_user", "", "Cookie", cookie); got.Code != status {
			t.Errorf("%s: %d %s, want %d", when, got.Code, got.Body, status)
		}
	}
	asShort, short, _ := begin("short", `, "expires_at": "2024-10-24 10:21:00 UTC"`) // an hour
	asLong, long, id := begin("long", "")
	for range 2 {
		w.Pass(29 * time.Minute)
		want("a session of a token that holds", asShort, short, http.StatusOK)
		want("another", asLong, long, http.StatusOK)
	}
	w.Pass(2 * time.Minute)
	over := w.do(asShort, http.MethodGet, "/api/current_user", "", "Cookie", short)
	if cookie := over.Header().Get("Set-Cookie"); over.Code != http.StatusUnauthorized || over.Body.Len() != 0 || !strings.Contains(cookie, "max-age=0") {
		t.Errorf("the session of an expired token = %d %s, Set-Cookie %q; want it taken back without a word", over.Code, over.Body, cookie)
	}
	w.want(asShort, http.MethodGet, "/api/current_user", "", http.StatusUnauthorized, `{"error":{"message":"Unable to authenticate user bob"}}`)
	w.want(asAdmin, http.MethodDelete, "/api/users/5/personal_access_tokens/"+id, "", http.StatusOK, "")
	want("the session of a revoked token", "", long, http.StatusUnauthorized)
}

// A client that throws its cookies away is given the same session for a minute:
// a session for each request would be a write for each. Another credential gets
// its own, and one whose session has ended another.
func TestClientWithoutCookies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	session := func(as string) string {
		t.Helper()
		reply := w.do(as, http.MethodGet, "/api/current_user", "")
		cookie, _, ok := strings.Cut(reply.Header().Get("Set-Cookie"), ";")
		if reply.Code != http.StatusOK || !ok {
			t.Fatalf("GET as %q = %d, Set-Cookie %q", as, reply.Code, cookie)
		}
		return cookie
	}
	byToken, byPassword := session(asBob), session("bob:"+password)
	w.Pass(59 * time.Second)
	if again := session(asBob); again != byToken || byToken == byPassword || session(asAdmin) == byToken {
		t.Errorf("sessions of a token %s, again %s, of the password %s; want the same for a credential", byToken, again, byPassword)
	}
	change := `{"password":"another-long-password","current_password":"` + password + `"}`
	w.want(asBob, http.MethodPut, "/api/users/5", change, http.StatusOK, "") // ends bob's sessions
	if session(asBob) == byToken {
		t.Error("a session that has ended is given out again")
	}
	last := session(asBob)
	w.Pass(time.Minute)
	if session(asBob) == last {
		t.Error("a session is given out again after a minute")
	}
}

// An address that guesses is locked out, and let in again.
func TestBruteForce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cookie, _, _ := strings.Cut(w.do(asViewer, http.MethodGet, "/api/status", "").Header().Get("Set-Cookie"), ";")
	for range 30 {
		w.want("bob:wrong", http.MethodGet, "/api/status", "", http.StatusUnauthorized, `{"error":{"message":"Unable to authenticate user bob"}}`)
	}
	w.want(asAdmin, http.MethodGet, "/api/status", "", http.StatusUnauthorized, `{"error":{"message":"Too many tries, please try again in a few minutes."}}`)
	if got := w.do("", http.MethodGet, "/api/status", "", "Cookie", cookie); got.Code != http.StatusOK {
		t.Errorf("a session at an address that is locked out = %d %s, want 200", got.Code, got.Body)
	}
	w.Pass(5 * time.Minute)
	w.want(asAdmin, http.MethodGet, "/api/status", "", http.StatusOK, "")
}

// A token is used, revoked, refused, and stays in the list without its secret.
func TestTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var made struct {
		ID    int
		Value string `json:"token_value"`
	}
	reply := w.do(asBob, http.MethodPost, "/api/users/5/personal_access_tokens", `{"personal_access_token":{"name":"ci"}}`)
	if err := json.Unmarshal(reply.Body.Bytes(), &made); err != nil || reply.Code != http.StatusCreated || len(made.Value) != 22 {
		t.Fatalf("create = %d %s", reply.Code, reply.Body)
	}
	path := fmt.Sprintf("/api/users/5/personal_access_tokens/%d", made.ID)
	w.Pass(time.Minute)
	w.want("BOB:"+made.Value, http.MethodGet, "/api/status", "", http.StatusOK, "")
	if got := w.do(asBob, http.MethodGet, path, "").Body.String(); !strings.Contains(got, `"last_used_at":"2024-10-24 09:22:03 UTC"`) {
		t.Errorf("a used token = %s", got)
	}
	w.want("admin:"+made.Value, http.MethodGet, "/api/status", "", http.StatusUnauthorized, "")
	if got := w.do(asBob, http.MethodDelete, path, ""); got.Code != http.StatusOK || strings.Contains(got.Body.String(), made.Value) || !strings.Contains(got.Body.String(), `"revoked":true,"token":null`) {
		t.Errorf("revoke = %d %s", got.Code, got.Body)
	}
	w.want("bob:"+made.Value, http.MethodGet, "/api/status", "", http.StatusUnauthorized, "")
	if got := w.do(asBob, http.MethodGet, path, "").Body.String(); !strings.Contains(got, `"active?":false`) || !strings.Contains(got, `"revoked?":true`) {
		t.Errorf("a revoked token = %s", got)
	}
}

// Who may do what to whose keys: none, self, viewer, manager, admin.
func TestKeysByActor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want(asBob, http.MethodPost, "/api/users/5/ssh_keys", keyBody(t, "laptop", ed25519Key), http.StatusCreated, "")
	for _, tt := range []struct {
		method, target, body             string
		none, self, viewer, manager, adm int
	}{
		{"GET", "/api/users/5/ssh_keys", "", 401, 200, 200, 200, 200},
		{"GET", "/api/users/5-bob/ssh_keys/1", "", 401, 200, 200, 200, 200},
		{"GET", "/api/users/8/ssh_keys", "", 401, 403, 422, 422, 200}, // of another organization
		{"POST", "/api/users/5/ssh_keys", "{}", 401, 422, 403, 422, 422},
		{"POST", "/api/users/8/ssh_keys", "{}", 401, 403, 403, 422, 422},
		{"DELETE", "/api/users/5/ssh_keys/9", "", 401, 404, 403, 404, 404},
		{"GET", "/api/users", "", 401, 403, 200, 200, 200},
		{"GET", "/api/users/5", "", 401, 200, 200, 200, 200},
		{"GET", "/api/users/bob", "", 401, 200, 200, 200, 200},
		{"GET", "/api/users/8", "", 401, 403, 404, 404, 200},
		{"PUT", "/api/users/5", `{"description":"x"}`, 401, 200, 403, 200, 200},
		{"PUT", "/api/users/4", `{"password":"another-long-password"}`, 401, 403, 403, 404, 422}, // an admin of no organization is not seen
		{"POST", "/api/users", "{}", 401, 403, 403, 403, 422},
		{"DELETE", "/api/users/8", "", 401, 403, 403, 403, 200},
		{"GET", "/api/users/5/personal_access_tokens", "", 401, 200, 200, 403, 200},
		{"POST", "/api/users/5/personal_access_tokens", "{}", 401, 422, 403, 403, 422},
		{"PUT", "/api/users/5", `{"admin":true}`, 401, 422, 403, 422, 200},
	} {
		for _, who := range []struct {
			as   string
			want int
		}{{"", tt.none}, {asBob, tt.self}, {asViewer, tt.viewer}, {asManager, tt.manager}, {asAdmin, tt.adm}} {
			if got := w.do(who.as, tt.method, tt.target, tt.body); got.Code != who.want {
				t.Errorf("%s %s %s as %q = %d %s, want %d", tt.method, tt.target, tt.body, who.as, got.Code, got.Body, who.want)
			}
		}
	}
}

// The rights over keys without those over users: of others no key is seen or
// taken away, but one may be added.
func TestKeyRightsAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Apply(t, core.Desired{Accounts: []core.DesiredAccount{{
		ID: 20, Login: "makers", Organizations: []string{"acme"}, Locations: []string{"berlin"}, Tokens: tokenOf(asMaker),
		Rights: []core.Right{core.ViewKeys, core.CreateKeys, core.DestroyKeys},
	}}})
	w.want(asMaker, http.MethodPost, "/api/users/5/ssh_keys", keyBody(t, "laptop", ed25519Key), http.StatusCreated, "")
	w.want(asMaker, http.MethodGet, "/api/users/5/ssh_keys", "", http.StatusOK,
		`{"total":0,"subtotal":0,"page":1,"per_page":20,"search":null,"sort":{"by":null,"order":null},"results":[]}`)
	w.want(asMaker, http.MethodGet, "/api/users/5/ssh_keys/1", "", http.StatusNotFound, `{"error":{"message":"Resource ssh_key not found by id '1'"}}`)
	w.want(asMaker, http.MethodDelete, "/api/users/5/ssh_keys/1", "", http.StatusNotFound, `{"error":{"message":"Resource ssh_key not found by id '1'"}}`)
	w.want(asMaker, http.MethodPost, "/api/users/8/ssh_keys", keyBody(t, "laptop", ed25519Key), http.StatusUnprocessableEntity, `{"error":{"message":"Couldn't find User with 'id'=8"}}`)
	w.want(asMaker, http.MethodGet, "/api/users/5", "", http.StatusForbidden, "")
	w.want(asBob, http.MethodGet, "/api/users/5/ssh_keys/1", "", http.StatusOK, "")
}

// Nobody rises by what he may do to others.
func TestNobodyRises(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Apply(t, core.Desired{Accounts: []core.DesiredAccount{{
		Login: "boss", Roles: core.Roles{Admin: true}, Organizations: []string{"acme"}, Locations: []string{"berlin"},
	}}})
	w.want(asManager, http.MethodPut, "/api/users/boss", `{"password":"another-long-password"}`, http.StatusForbidden, "")
	w.want(asManager, http.MethodPut, "/api/users/5", `{"role_ids":[1]}`, http.StatusUnprocessableEntity,
		`{"error":{"id":5,"errors":{"role_ids":["you can't assign some of roles you selected"]},"full_messages":["Role ids you can't assign some of roles you selected"]}}`)
	w.want(asManager, http.MethodPut, "/api/users/7", `{"role_ids":[1]}`, http.StatusOK, "") // ignored, of himself
	w.want(asManager, http.MethodPut, "/api/users/5", `{"organization_ids":[2]}`, http.StatusUnprocessableEntity, `{"error":{"message":"Couldn't find Organization"}}`)
	w.want(asBob, http.MethodPut, "/api/users/5", `{"login":"root"}`, http.StatusUnprocessableEntity, "")
	w.want(asBob, http.MethodPut, "/api/users/5", `{"password":"another-long-password"}`, http.StatusUnprocessableEntity,
		`{"error":{"id":5,"errors":{"current_password":["Incorrect password"]},"full_messages":["Current password Incorrect password"]}}`)
	w.want(asBob, http.MethodPut, "/api/users/5", `{"password":"another-long-password","current_password":"`+password+`"}`, http.StatusOK, "")
	w.want("bob:another-long-password", http.MethodGet, "/api/status", "", http.StatusOK, "")
	w.want(asBob, http.MethodPut, "/api/users/5", `{"disabled":true}`, http.StatusUnprocessableEntity, "")
}

// Users come by first name and those without one last, over all pages; and what
// is not set is found so.
func TestUsersInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	logins := func(query string) string {
		t.Helper()
		var list struct {
			Total, Subtotal int
			Results         []struct{ Login string }
		}
		reply := w.do(asAdmin, http.MethodGet, "/api/users?"+query, "")
		if err := json.Unmarshal(reply.Body.Bytes(), &list); err != nil || reply.Code != http.StatusOK || list.Total != 6 {
			t.Fatalf("GET %s = %d %s", query, reply.Code, reply.Body)
		}
		var all []string
		for _, u := range list.Results {
			all = append(all, u.Login)
		}
		return fmt.Sprint(list.Subtotal, " ", strings.Join(all, " "))
	}
	for _, tt := range []struct{ query, want string }{
		{"", "6 admin bob viewer manager zoe off"},
		{"per_page=all", "6 admin bob viewer manager zoe off"},
		{"per_page=1", "6 admin"}, {"per_page=2", "6 admin bob"}, {"per_page=3", "6 admin bob viewer"},
		{"per_page=2&page=2", "6 viewer manager"}, {"per_page=4&page=2", "6 zoe off"}, {"per_page=4&page=3", "6 "}, {"per_page=0", "6 "},
		{"order=firstname", "6 viewer manager zoe off admin bob"}, {"order=firstname+DESC", "6 bob admin viewer manager zoe off"},
		{"order=login", "6 admin bob manager off viewer zoe"},
		{"search=null%3F+firstname", "4 viewer manager zoe off"}, {"search=has+firstname", "2 admin bob"}, {"search=null%3F+mail&per_page=1", "4 viewer"},
		{"search=firstname+!%3D+Bob", "1 admin"}, {"search=null%3F+lastname+and+has+mail", "1 bob"}, {"search=has+description", "0 "},
		{"search=example.com&per_page=1&page=2", "2 bob"},
		{"search=id+%3E+0", "6 admin bob viewer manager zoe off"}, {"search=id+%3E+0&per_page=3", "6 admin bob viewer"},
	} {
		if got := logins(tt.query); got != tt.want {
			t.Errorf("GET /api/users?%s = %s, want %s", tt.query, got, tt.want)
		}
	}
}

// Users are found by each field of their list, names of roles and places among them.
func TestUserSearch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want(asAdmin, http.MethodPut, "/api/users/8", `{"role_ids":[2,3],"description":"on leave"}`, http.StatusOK, "")
	for query, want := range map[string]string{
		`role = Viewer`: "zoe", `role ~ manager`: "zoe", `role != Viewer`: "zoe", `role ^ (Manager, "SSH key manager")`: "zoe", `role = viewer`: "",
		`null? role`: "admin bob viewer manager off", `has role`: "zoe", `not role = Viewer`: "admin bob viewer manager off",
		`role_id = 2`: "zoe", `role_id > 2`: "zoe", `null? role_id`: "admin bob viewer manager off",
		`location = berlin`: "bob viewer manager off", `location ~ BER`: "bob viewer manager off", `null? location`: "admin zoe", `location_id = 1`: "bob viewer manager off",
		`organization = zeta`: "zoe", `organization_id ^ (2, 3)`: "zoe", `has organization and null? location`: "zoe",
		`auth_source = Internal and admin`: "admin", `auth_source_type = AuthSourceInternal and id = 5`: "bob", `auth_source = LDAP`: "",
		`usergroup = x`: "", `admin`: "admin", `login = admin`: "admin", `disabled`: "off", `disabled = false and id > 7`: "zoe",
		`last_login_on > yesterday`: "admin", `null? last_login_on`: "bob viewer manager zoe off",
		`mail = "bob@example.com"`: "bob", `lastname = User`: "admin", `leave`: "zoe", `viewer`: "viewer zoe", `id ^ (4, 5)`: "admin bob",
	} {
		var list struct{ Results []struct{ Login string } }
		reply := w.do(asAdmin, http.MethodGet, "/api/users?search="+url.QueryEscape(query), "")
		if err := json.Unmarshal(reply.Body.Bytes(), &list); err != nil || reply.Code != http.StatusOK {
			t.Errorf("%s = %d %s", query, reply.Code, reply.Body)
		}
		var got []string
		for _, u := range list.Results {
			got = append(got, u.Login)
		}
		slices.SortFunc(got, func(a, b string) int { return cmp.Compare(strings.Index(everybody, a), strings.Index(everybody, b)) })
		if strings.Join(got, " ") != want {
			t.Errorf("%s finds %v, want %s", query, got, want)
		}
	}
}

const everybody = "admin bob viewer manager zoe off" // in the order of their ids

// An answer that the client has is not sent again.
func TestConditionalRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tag := w.do(asBob, http.MethodGet, "/api/users/5", "").Header().Get("ETag")
	if got := w.do(asBob, http.MethodGet, "/api/users/5", "", "If-None-Match", tag); got.Code != http.StatusNotModified || got.Body.Len() != 0 || !strings.HasPrefix(tag, `W/"`) {
		t.Errorf("If-None-Match %s = %d %q, want 304", tag, got.Code, got.Body)
	}
}

// Times are the caller's.
func TestZones(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want(asBob, http.MethodPut, "/api/users/5", `{"timezone":"Eastern Time (US & Canada)"}`, http.StatusOK, "")
	if got := w.do(asBob, http.MethodPost, "/api/users/5/ssh_keys", keyBody(t, 123, ed25519Key)).Body.String(); !strings.Contains(got, `"created_at":"2024-10-24 05:21:03 -0400"`) || !strings.Contains(got, `"name":"123"`) {
		t.Errorf("create = %s", got)
	}
	if got := w.do(asBob, http.MethodDelete, "/api/users/5/ssh_keys/123", "").Body.String(); !strings.Contains(got, `"created_at":"2024-10-24T05:21:03.977-04:00"`) {
		t.Errorf("delete = %s", got)
	}
}

// Requests signed by a stock library act as the user they name, once.
func TestOAuth(t *testing.T) {
	t.Parallel()
	const secret = "consumer-secret-consumer-secret"
	w := newWorld(t, func(o *foreman.Options) {
		o.Now = time.Now
		o.OAuth = &foreman.OAuth{ConsumerKey: "katello", ConsumerSecret: vault.NewSecret(secret), MapUsers: true}
	})
	now := time.Now().UTC()
	w.SetNow(now)
	var header string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { header = r.Header.Get("Authorization") }))
	t.Cleanup(server.Close)
	sign := func(secret string) string {
		client := signer.NewConfig("katello", secret).Client(t.Context(), signer.NewToken("", ""))
		client.Transport.(*signer.Transport).Base = &http.Transport{Proxy: http.ProxyURL(nil)}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/api/current_user", nil)
		if err != nil {
			t.Fatal(err)
		}
		reply, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = reply.Body.Close()
		return header
	}
	w.api = nil
	o := foreman.Options{Core: w.Core, BaseURL: server.URL, OAuth: &foreman.OAuth{ConsumerKey: "katello", ConsumerSecret: vault.NewSecret(secret), MapUsers: true}}
	w.api = foreman.New(o)
	signed := sign(secret)
	for _, tt := range []struct {
		name, authorization, user string
		status                    int
	}{
		{"signed", signed, "bob", http.StatusOK},
		{"sent again", signed, "bob", http.StatusUnauthorized},
		{"another spelling", sign(secret), "", http.StatusUnauthorized},
		{"unknown user", sign(secret), "nobody", http.StatusUnauthorized},
		{"another secret", sign("another"), "admin", http.StatusUnauthorized},
	} {
		if got := w.do("", http.MethodGet, "/api/current_user", "", "Authorization", tt.authorization, "Foreman-User", tt.user); got.Code != tt.status {
			t.Errorf("%s = %d %s, want %d", tt.name, got.Code, got.Body, tt.status)
		}
	}
	if got := w.do("", http.MethodGet, "/api/current_user", "", "Authorization", sign(secret), "Foreman_user", "bob"); got.Code != http.StatusOK {
		t.Errorf("Ruby's spelling of the header = %d %s", got.Code, got.Body)
	}
}

// Whatever is sent, the answer is one of the product's, and repeats no secret.
func FuzzRequests(f *testing.F) {
	if seeds, err := filepath.Glob("testdata/fuzz/FuzzRequests/*"); err != nil || len(seeds) == 0 {
		f.Fatalf("seeds: %v, %v; want some", seeds, err)
	}
	w := newWorld(f)
	for _, seed := range []struct{ id, query, body string }{
		{"1", "", ""}, {"1-x", "search=name%20~%20x", `{"ssh_key":{"name":"x","key":"y"}}`}, {"%00", "page=-1&per_page=all", "[]"},
		{"..%2F..", "order=name%20DESC", `{"ssh_key":`}, {"9223372036854775808", "location_id=1&organization_id=x", `{"user":{"role_ids":[{}],"login":[]}}`},
	} {
		f.Add(seed.id, seed.query, seed.body)
	}
	f.Fuzz(func(t *testing.T, id, query, body string) {
		for _, at := range []struct{ method, before, after string }{
			{"GET", "/api/users/5/ssh_keys/", ""}, {"GET", "/api/users/", "/ssh_keys"}, {"POST", "/api/users/", "/ssh_keys"}, {"GET", "/api/users/", ""},
			{"PUT", "/api/users/", ""}, {"POST", "/api/users/5/personal_access_tokens", ""},
		} {
			r := httptest.NewRequestWithContext(t.Context(), at.method, "/", strings.NewReader(body))
			r.URL.Path, r.URL.RawQuery = at.before+id+at.after, query
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(asBob)))
			reply := httptest.NewRecorder()
			w.api.ServeHTTP(reply, r)
			isJSON := json.Valid(reply.Body.Bytes()) || strings.HasPrefix(reply.Header().Get("Content-Type"), "text/html") && reply.Code == http.StatusNotFound
			if reply.Code >= 500 || !isJSON {
				t.Errorf("%s %q?%q %q = %d %s", at.method, r.URL.Path, query, body, reply.Code, reply.Body)
			}
		}
	})
}
