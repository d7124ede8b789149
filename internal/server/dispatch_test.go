package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// echo is a face that answers with its name and the path it was given.
func echo(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, name+" "+r.URL.EscapedPath())
	})
}

func dispatched(t *testing.T, d dispatcher, host, target, header string) string {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+host+target, nil)
	if name, value, ok := strings.Cut(header, ": "); ok {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	if w.Code == http.StatusNotFound {
		return "nobody"
	}
	return w.Body.String()
}

// Each pair of paths that two products share stands here.
func TestDispatch(t *testing.T) {
	t.Parallel()
	d := dispatcher{}
	for _, name := range []string{"native", "sshverify", "raidboxes", "foreman", "waldur", "senhasegura"} {
		d[name] = mounted{Handler: echo(name)}
	}
	const uuid = "0c6f1d0e2b3a4c5d8e9f7a6b5c4d3e2f"
	for _, tt := range []struct{ target, header, want string }{
		{"/api/v1/auth/info", "", "sshverify"},
		{"/api/v1", "", "sshverify"},
		{"/schemas/ErrorModel.json", "", "sshverify"},
		{"/api/keyrack/v1/authorized-keys/ada", "", "native"},
		{"/api/keyrack/v1/authorized-keys/..%2F..%2F..%2Flivez", "", "native"},
		{"/v1/ssh-keys", "", "raidboxes"},
		{"/v1/no/such", "", "raidboxes"},
		{"/api/pam/key/39", "", "senhasegura"},
		{"/iso/pam/device", "", "senhasegura"},
		{"/api/oauth2/token", "", "senhasegura"},
		{"/api/keys/", "", "waldur"},
		{"/api/keys", "", "waldur"},
		{"/api-auth/password/", "", "waldur"},
		{"/api/version/", "", "waldur"},
		{"/apidoc/v2.json", "", "foreman"},
		{"//apidoc/v2.en.json", "", "foreman"},
		{"/api/v2/users/4/ssh_keys", "", "foreman"},
		{"//api/users/4/ssh_keys", "Authorization: Basic x", "foreman"},
		{"/api/status", "", "foreman"},
		{"/api/users/5", "", "foreman"},
		{"/api/users/5", "Authorization: Basic x", "foreman"},
		{"/api/users/5/", "Authorization: Basic x", "foreman"},
		{"/api/users/5/", "Cookie: _session_id=x", "foreman"},
		{"/api/users/5/ssh_keys", "", "foreman"},
		{"/api/users/5/ssh_keys/", "", "foreman"},
		{"/api/users", "", "foreman"},
		{"/api/users", "Authorization: OAuth x", "foreman"},
		{"/api/users", "Authorization: token x", "waldur"},
		{"/api/users/", "", "waldur"},
		{"/api/users/", "Authorization: Basic x", "foreman"},
		{"/api/users/" + uuid + "/", "", "waldur"},
		{"/api/users/" + uuid + "/", "Authorization: Token x", "waldur"},
		{"/api/users/me/", "Authorization: Token x", "waldur"},
		{"/api", "", "foreman"},
		{"/api/", "", "waldur"},
		{"/api/", "Authorization: Basic x", "foreman"},
		{"/api", "Authorization: Token x", "waldur"},
		{"/api/nothing", "", "foreman"},
		{"/api/nothing/", "", "waldur"},
		{"/api/keysmith", "", "foreman"},
	} {
		if got, want := dispatched(t, d, "keys.example.org", tt.target, tt.header), tt.want+" "+tt.target; got != want {
			t.Errorf("%s (%s) goes to %s, want %s", tt.target, tt.header, got, want)
		}
	}
	for _, target := range []string{"/", "/favicon.ico", "/v2/ssh-keys", "/apidocs", "/isolation"} {
		if got := dispatched(t, d, "keys.example.org", target, ""); got != "nobody" {
			t.Errorf("%s goes to %s, want nobody", target, got)
		}
	}
}

func TestDispatchByHost(t *testing.T) {
	t.Parallel()
	d := dispatcher{
		"native": {Handler: echo("native")}, "foreman": {Handler: echo("foreman"), host: "foreman.example.org"}, "waldur": {Handler: echo("waldur")},
	}
	for _, tt := range []struct{ host, target, want string }{
		{"foreman.example.org", "/api/users/5", "foreman /api/users/5"},
		{"FOREMAN.example.org.:8080", "/api/users/5", "foreman /api/users/5"},
		{"foreman.example.org", "/api/keys/", "foreman /api/keys/"},
		{"foreman.example.org", "/anything", "foreman /anything"},
		{"foreman.example.org", "/api/keyrack/v1/x", "native /api/keyrack/v1/x"},
		{"keys.example.org", "/api/keys/", "waldur /api/keys/"},
		{"keys.example.org", "/api/users/5", "waldur /api/users/5"}, // the other of two, where the first is not served
		{"keys.example.org", "/apidoc/v2.json", "nobody"},
		{"keys.example.org", "/v1/ssh-keys", "nobody"}, // switched off
	} {
		if got := dispatched(t, d, tt.host, tt.target, ""); got != tt.want {
			t.Errorf("%s at %s goes to %s, want %s", tt.target, tt.host, got, tt.want)
		}
	}
}
