package senhasegura_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	signer "github.com/dghubble/oauth1"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"keyrack/internal/face/senhasegura"
)

// served is the world behind a listener, as whose address it signs.
func served(t *testing.T) (*world, string) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.Start()
	t.Cleanup(s.Close)
	w := newWorld(t, func(o *senhasegura.Options) { o.BaseURL = s.URL })
	now := time.Now() // the client's clock
	w.SetNow(now)
	s.Config.Handler = w.face
	return w, s.URL
}

// works does with a client what jobs do.
func works(t *testing.T, client *http.Client, base, identifier string) {
	t.Helper()
	form := url.Values{
		"identifier": {identifier}, "hostname": {"web-01"}, "ip": {"10.20.0.11"}, "private_key": {"a+b &=%\r\n"}, "public_key": {"q"},
		"devices[0][hostname]": {"web-02"}, "tags": {"ä,&"},
	}
	for _, step := range []struct{ method, path, contentType, body, want string }{
		{"POST", "/pam/key", "application/x-www-form-urlencoded", form.Encode(), "Key successfully registered!"},
		{"POST", "/pam/key", "application/json", `{"identifier":"` + identifier + `","key_name":"n"}`, "Key updated successfully!"},
		{"GET", "/pam/key/1", "", "", "Key 1"},
		{"GET", "/pam/credential/", "", "", "1 credentials found"},
		{"GET", "/pam/device/web-01?x=%C3%A9&y", "", "", "Device 1"},
		{"DELETE", "/pam/credential/custody/1", "", "", "Credential custody 1 released"},
		{"DELETE", "/pam/key/1", "", "", "Key successfully deactivated"},
		{"PUT", "/pam/key/1", "", "", "Key successfully activated"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), step.method, base+step.path, strings.NewReader(step.body))
		if err != nil {
			t.Fatal(err)
		}
		if step.contentType != "" {
			r.Header.Set("Content-Type", step.contentType)
		}
		reply, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(reply.Body)
		_ = reply.Body.Close()
		if err != nil || !strings.Contains(string(body), `"message":"`+step.want+`"`) || reply.StatusCode >= 300 {
			t.Errorf("%s %s = %d %s, %v; want %s", step.method, step.path, reply.StatusCode, body, err, step.want)
		}
	}
}

func TestStockOAuth2Client(t *testing.T) {
	t.Parallel()
	for name, style := range map[string]oauth2.AuthStyle{
		"tries Basic first": oauth2.AuthStyleAutoDetect, "in the header": oauth2.AuthStyleInHeader, "in the body": oauth2.AuthStyleInParams,
	} {
		for _, prefix := range []string{"/api", "/iso"} {
			t.Run(name+prefix, func(t *testing.T) {
				t.Parallel()
				_, base := served(t)
				c := clientcredentials.Config{
					ClientID: "writer", ClientSecret: secretOf("writer"), TokenURL: base + prefix + "/oauth2/token", AuthStyle: style,
				}
				works(t, c.Client(t.Context()), base+prefix, "job")
				c.ClientSecret = "wrong"
				if _, err := c.Token(t.Context()); err == nil || !strings.Contains(err.Error(), "invalid_client") {
					t.Errorf("Token with a wrong secret: %v, want invalid_client", err)
				}
			})
		}
	}
}

func TestStockOAuth1Client(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"/api", "/iso"} {
		_, base := served(t)
		client := signer.NewConfig(consumerKey, consumerSecret).Client(t.Context(), signer.NewToken(oauthToken, tokenSecret))
		works(t, client, base+prefix, "job")
	}
}
