package foreman_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/face/facetest"
	"keyrack/internal/face/foreman"
	"keyrack/internal/store/storetest"
	"keyrack/internal/vault"
)

// start is when each world begins.
var start = time.Date(2024, 10, 24, 9, 21, 3, 977_000_000, time.UTC)

var operator = core.Operator("test")

// The logins of the world, with the tokens of each as Basic takes them. Only
// admin, bob and off have passwords.
const (
	asAdmin   = "admin:adminTokenAdminToken00"
	asBob     = "bob:bobTokenBobTokenBob000"
	asViewer  = "viewer:viewerTokenViewer000000"
	asManager = "manager:managerTokenManager0000"
	asMaker   = "makers:makersTokenMakers000000" // of those tests that make him
	password  = "correct-horse-battery"
)

// world is some accounts of two organizations, and a clock that stands still.
type world struct {
	*facetest.Ground
	t   testing.TB
	api *foreman.Foreman
}

func newWorld(t testing.TB, change ...func(*foreman.Options)) *world {
	t.Helper()
	w := &world{t: t}
	w.Ground = facetest.NewGround(t, storetest.SQLite(t), start, core.Options{
		Settings: map[string]func(string) error{"foreman": foreman.CheckSettings},
	})
	w.Apply(t, people())
	o := foreman.Options{Options: w.Options(), Core: w.Core, BaseURL: "http://keys.example.org"}
	for _, f := range change {
		f(&o)
	}
	w.api = foreman.New(o)
	return w
}

func tokenOf(as string) []core.DesiredToken {
	_, secret, _ := strings.Cut(as, ":")
	return []core.DesiredToken{{Name: "test", Use: core.UseForeman, Secret: vault.NewSecret(secret)}}
}

func people() core.Desired {
	acme, berlin := []string{"acme"}, []string{"berlin"}
	return core.Desired{
		Organizations: []string{"acme", "zeta"}, Locations: []string{"berlin"},
		Accounts: []core.DesiredAccount{
			{ID: 4, Login: "admin", Name: "Admin User", Email: "root@example.com", Roles: core.Roles{Admin: true}, Password: vault.NewSecret(password), Tokens: tokenOf(asAdmin)},
			{ID: 5, Login: "bob", Name: "Bob", Email: "bob@example.com", Password: vault.NewSecret(password), Organizations: acme, Locations: berlin, Tokens: tokenOf(asBob)},
			{ID: 6, Login: "viewer", Organizations: acme, Locations: berlin, Rights: []core.Right{core.ViewUsers, core.ViewKeys, core.ViewTokens}, Tokens: tokenOf(asViewer)},
			{ID: 7, Login: "manager", Organizations: acme, Locations: berlin, Tokens: tokenOf(asManager), Rights: []core.Right{
				core.ViewUsers, core.EditUsers, core.ViewKeys, core.CreateKeys, core.DestroyKeys,
			}},
			{ID: 8, Login: "zoe", Organizations: []string{"zeta"}},
			{ID: 9, Login: "off", Disabled: true, Password: vault.NewSecret(password), Organizations: acme, Locations: berlin},
		},
	}
}

// do sends a request as "login:secret", nobody where that is empty; headers
// come in pairs.
func (w *world) do(as, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), method, target, strings.NewReader(body))
	if login, secret, ok := strings.Cut(as, ":"); ok {
		r.SetBasicAuth(login, secret)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	reply := httptest.NewRecorder()
	w.api.ServeHTTP(reply, r)
	return reply
}

// want sends a request and compares status and JSON.
func (w *world) want(as, method, target, body string, status int, reply string) {
	w.t.Helper()
	got := w.do(as, method, target, body)
	if text := got.Body.String(); got.Code != status || reply != "" && text != reply {
		w.t.Errorf("%s %s %s as %q = %d %s\nwant %d %s", method, target, body, as, got.Code, text, status, reply)
	}
}

func TestExchanges(t *testing.T) {
	t.Parallel()
	facetest.Run(t, "testdata/*.txtar", func(t *testing.T) facetest.World {
		w := newWorld(t)
		return facetest.World{
			Handler: w.api,
			Vars: map[string]string{
				"admin": "Basic YWRtaW46YWRtaW5Ub2tlbkFkbWluVG9rZW4wMA==", "bob": "Basic Ym9iOmJvYlRva2VuQm9iVG9rZW5Cb2IwMDA=",
				"version": foreman.Version,
			},
			Do: map[string]func(*testing.T, string){
				"pass": w.Passes,
			},
		}
	})
}

// Nobody gets past the routes that ask for a login.
func TestRefusesStrangers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, route := range w.api.Routes() {
		if route.Public {
			continue
		}
		path := strings.NewReplacer("{user_id}", "5", "{id}", "5").Replace(route.Path)
		for _, as := range []string{"", "bob:", "bob:wrong", "nobody:wrong", "bob:adminTokenAdminToken00"} {
			login, _, _ := strings.Cut(as, ":")
			w.want(as, route.Method, path, "", http.StatusUnauthorized, `{"error":{"message":"Unable to authenticate user `+login+`"}}`)
			w.Pass(10 * time.Minute) // or the address is locked out
		}
	}
}
