package senhasegura_test

import (
	"net/http"
	"strings"
	"testing"
)

// A request that makes a key and carries an Idempotency-Key makes one, and has
// the same answer each time, whether it names the key or has it named.
func TestRepeatedRequests(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"/api", "/iso"} {
		for name, body := range map[string]string{
			"named":   `{"identifier":"web","hostname":"web-01","ip":"1","private_key":"p","public_key":"q","devices":[{"hostname":"web-02"},{"hostname":"nowhere"}]}`,
			"unnamed": `{"hostname":"web-01","ip":"1","private_key":"p","public_key":"q","devices":[]}`,
		} {
			t.Run(prefix[1:]+" "+name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				ask := func(client, key, body string) (int, string) {
					reply := w.do(t, client, "POST", prefix+"/pam/key", body, "Idempotency-Key", key)
					return reply.Code, reply.Body.String()
				}
				status, first := ask("writer", "k1", body)
				if status != http.StatusCreated || !strings.Contains(first, "Key successfully registered!") {
					t.Fatalf("POST key = %d %s", status, first)
				}
				if status, again := ask("writer", "k1", body); status != http.StatusCreated || again != first {
					t.Errorf("repeated = %d %s, want 201 %s", status, again, first)
				}
				if status, other := ask("writer", "k1", strings.Replace(body, "p", "x", 1)); status != http.StatusBadRequest || !strings.Contains(other, "Unexpected error") {
					t.Errorf("another request = %d %s, want 400", status, other)
				}
				if status, bad := ask("writer", strings.Repeat("k", 256), body); status != http.StatusBadRequest {
					t.Errorf("a key too long = %d %s, want 400", status, bad)
				}
				if reply := w.do(t, "writer", "GET", prefix+"/pam/credential", ""); message(t, reply) != "1 credentials found" {
					t.Errorf("after repeating: %s, want one key", reply.Body)
				}
				if _, foreign := ask("foreign", "k1", body); foreign == first {
					t.Errorf("another's repetition shows the key: %s", foreign)
				}
			})
		}
	}
}
