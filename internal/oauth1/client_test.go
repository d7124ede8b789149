package oauth1_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	signer "github.com/dghubble/oauth1"

	"keyrack/internal/oauth1"
)

func formOf(r *http.Request) string {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return ""
	}
	body, _ := io.ReadAll(r.Body) // a request that was cut does not verify
	return string(body)
}

// A stock library signs requests that are hard to sign alike. Of a name that
// stands twice it signs one value alone, and of an empty path nothing, both
// against RFC 5849, 3.4.1: such requests are not among them.
func TestStockClient(t *testing.T) {
	t.Parallel()
	seen := make(chan oauth1.Request, 1)
	server := newServer(t, seen)
	secrets := map[string]string{"": "", "tok/en+": "s&cret %"}
	for name, secret := range secrets {
		client := signer.NewConfig("key&=%", "sécret").Client(t.Context(), signer.NewToken(name, secret))
		for _, tt := range []struct{ method, target, form string }{
			{"GET", "/", ""},
			{"DELETE", "/api/pam/key/39", ""},
			{"GET", "/a%2Fb/c%20d;e/é", ""},
			{"GET", "/x?b=2&a=x%20y&A=x+y&c&%C3%A9=1&d=a%2Bb&e=", ""},
			{"POST", "/x?q=1", "devices%5B0%5D%5Bhostname%5D=db+01&ip=10.0.0.9&empty=&a=%26%3D"},
			{"PUT", "/x", "a=1&B=0&A=2"},
		} {
			r, err := http.NewRequestWithContext(t.Context(), tt.method, server.URL+tt.target, strings.NewReader(tt.form))
			if err != nil {
				t.Fatal(err)
			}
			if tt.form != "" {
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			reply, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = reply.Body.Close()
			got := <-seen
			s, err := oauth1.Parse(got)
			if err != nil || !s.Verify("sécret", secret) || s.ConsumerKey != "key&=%" || s.Token != name {
				t.Errorf("%s %s %s: Parse(%+v) = %+v, %v, want a signature that holds", tt.method, tt.target, tt.form, got, s, err)
			}
		}
	}
}
