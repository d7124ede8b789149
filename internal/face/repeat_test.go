package face_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

func repeat(t *testing.T, method, target, key, body string) (core.Actor, error) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	return face.Repeatable(r, []byte(body), core.Operator("olga"))
}

// TestRepeatable holds apart what is another request, and takes for the same
// what its sender may have sent twice.
func TestRepeatable(t *testing.T) {
	t.Parallel()
	first, err := repeat(t, http.MethodPost, "/keys?a=1&b=2", "k1", "body")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		method, target, key, body string
		same                      bool
	}{
		"the same":           {http.MethodPost, "/keys?a=1&b=2", "k1", "body", true},
		"another order":      {http.MethodPost, "/keys?b=2&a=1", "k1", "body", true},
		"signed anew":        {http.MethodPost, "/keys?a=1&b=2&oauth_nonce=77&oauth_timestamp=3", "k1", "body", true},
		"another key":        {http.MethodPost, "/keys?a=1&b=2", "k2", "body", false},
		"another body":       {http.MethodPost, "/keys?a=1&b=2", "k1", "bodY", false},
		"another path":       {http.MethodPost, "/key?a=1&b=2", "k1", "body", false},
		"another query":      {http.MethodPost, "/keys?a=1&b=3", "k1", "body", false},
		"another method":     {http.MethodPut, "/keys?a=1&b=2", "k1", "body", false},
		"body moved to path": {http.MethodPost, "/keys?a=1&b=2body", "k1", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := repeat(t, c.method, c.target, c.key, c.body)
			if err != nil || (got == first) != c.same {
				t.Errorf("Repeatable() gives the same: %t, %v; want %t", got == first, err, c.same)
			}
		})
	}
}

func TestRepeatableRefuses(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]string{
		"long": strings.Repeat("k", 256), "control character": "a\tb", "not ASCII": "schlüssel",
	} {
		if _, err := repeat(t, http.MethodPost, "/", key, ""); core.KindOf(err) != core.Invalid {
			t.Errorf("%s: error %v, want one of kind invalid", name, err)
		}
	}
	if by, err := repeat(t, http.MethodPost, "/", "", ""); err != nil || by != core.Operator("olga") {
		t.Errorf("no key: %v, %v, want the actor as he was", by, err)
	}
}
