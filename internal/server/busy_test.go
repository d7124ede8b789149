package server_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"keyrack/internal/core"
	"keyrack/internal/face"
	"keyrack/internal/face/foreman"
	"keyrack/internal/face/native"
	"keyrack/internal/face/raidboxes"
	"keyrack/internal/face/senhasegura"
	"keyrack/internal/face/sshverify"
	"keyrack/internal/face/waldur"
)

// A request too many is refused by each face in its own words, with a hint when
// to come again, and without a look at what it asks for: here is no store to
// look into.
func TestEachFaceRefusesTooMany(t *testing.T) {
	t.Parallel()
	full, none := face.Options{Work: face.NewWork(0)}, core.New(core.Options{})
	for path, f := range map[string]struct {
		http.Handler
		says string
	}{
		"/api/keyrack/v1/authorized-keys": {native.New(native.Options{Options: full, Core: none}), `"detail":"the server cannot answer now"`},
		"/api/v1/ssh/collect/sessions/":   {sshverify.New(sshverify.Options{Options: full, Core: none}), `"detail":"the server cannot answer now"`},
		"/iso/pam/key":                    {senhasegura.New(senhasegura.Options{Options: full, Core: none}), `"status":503`},
		"/api/keys/":                      {waldur.New(waldur.Options{Options: full, Core: none}), `"detail":"Service temporarily unavailable, try again later."`},
		"/api/users/1/ssh_keys":           {foreman.New(foreman.Options{Options: full, Core: none}), `"message":"The server cannot answer at the moment, please try again"`},
		"/v1/ssh-keys":                    {raidboxes.New(raidboxes.Options{Options: full, Core: none}), `"message":"Service Unavailable"`},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(`{`))
			w := httptest.NewRecorder()
			f.ServeHTTP(w, r)
			if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "5" || !strings.Contains(w.Body.String(), f.says) {
				t.Errorf("%s %s = %d, Retry-After %q, %s; want 503, 5, %s", method, path, w.Code, w.Header().Get("Retry-After"), w.Body, f.says)
			}
		}
	}
}
