package senhasegura_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// bodyKinds and bodyPaths are where a body can go, and as what.
var (
	bodyKinds = []string{
		"application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b",
		"text/plain", "", "application/x-www-form-urlencoded; charset=UTF-8", "multipart/form-data", "application/xml",
	}
	bodyPaths = []string{"/api/pam/key", "/iso/pam/key", "/api/pam/device", "/iso/pam/device", "/api/oauth2/token", "/iso/oauth2/token"}
)

// doubled is the envelope, as far as all answers have it.
type doubled struct {
	Code     int
	Response struct {
		Status    int
		Message   string `json:"message"`
		Error     bool
		ErrorCode int `json:"error_code"`
		Mensagem  string
		Erro      bool
		CodErro   int `json:"cod_erro"`
	}
	Exception *struct{ Code int }
}

func (d doubled) consistent(status int) bool {
	r := d.Response
	return d.Code == status && r.Status == status && r.Message != "" && r.Message == r.Mensagem && r.Error == r.Erro &&
		r.ErrorCode == r.CodErro && r.Error == (status >= 400) && (d.Exception != nil) == r.Error
}

// Whatever body is sent to whatever takes one, as whatever type: the face says
// what is wrong with it in its own words, or takes it, and never breaks.
func FuzzBody(f *testing.F) {
	if seeds, err := os.ReadDir(filepath.Join("testdata", "fuzz", f.Name())); err != nil || len(seeds) < len(bodyPaths) {
		f.Fatalf("seeds of %s: %d, %v, want some", f.Name(), len(seeds), err)
	}
	w := newWorld(f)
	token := "Bearer " + w.token(f, "writer")
	f.Fuzz(func(t *testing.T, path, kind uint, query, body string) {
		target := bodyPaths[path%uint(len(bodyPaths))]
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(body))
		r.URL.RawQuery = query
		r.Header.Set("Authorization", token)
		if kind := bodyKinds[kind%uint(len(bodyKinds))]; kind != "" {
			r.Header.Set("Content-Type", kind)
		}
		reply := httptest.NewRecorder()
		w.face.ServeHTTP(reply, r)
		if path%uint(len(bodyPaths)) >= 4 {
			wantTokenAnswer(t, reply)
			return
		}
		var got doubled
		if err := json.Unmarshal(reply.Body.Bytes(), &got); err != nil || !got.consistent(reply.Code) {
			t.Errorf("%s of %q = %d %s, want the envelope (%v)", target, body, reply.Code, reply.Body, err)
		}
		if !slices.Contains([]int{201, 400, 413}, reply.Code) {
			t.Errorf("%s of %q = %d %s, want it taken or refused", target, body, reply.Code, reply.Body)
		}
	})
}

func wantTokenAnswer(t *testing.T, reply *httptest.ResponseRecorder) {
	t.Helper()
	var got map[string]any
	if err := json.Unmarshal(reply.Body.Bytes(), &got); err != nil || got == nil {
		t.Errorf("token = %d %s: %v", reply.Code, reply.Body, err)
	}
	if !slices.Contains([]int{200, 400, 401, 413, 429}, reply.Code) {
		t.Errorf("token = %d %s, want a token or a refusal", reply.Code, reply.Body)
	}
}
