package senhasegura_test

import (
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/core"
	"keyrack/internal/face"
	"keyrack/internal/face/facetest"
	"keyrack/internal/face/senhasegura"
	"keyrack/internal/store/storetest"
	"keyrack/internal/vault"
)

const baseURL = "https://vault.example.test"

// The credentials of OAuth 1.0 that the vectors of package oauth1 have.
const (
	consumerKey    = "5f1e0d9c8b7a695847362514f0e1d2c3b4a59687a"
	consumerSecret = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
	oauthToken     = "9d8c7b6a5f4e3d2c1b0a99887766554433221100b"
	tokenSecret    = "f0e1d2c3b4a5968778695a4b3c2d1e0f"
)

// start is when each world begins, in São Paulo at 06:58:30.
var start = time.Date(2026, 5, 10, 9, 58, 30, 0, time.UTC)

var operator = core.Operator("test")

// world is a vault of two tenants, and a clock that stands still.
type world struct {
	*facetest.Ground
	face    *face.Face
	options senhasegura.Options
	log     *strings.Builder // read it when no request runs
}

// secretOf is the secret of each OAuth 2.0 client in the world.
func secretOf(client string) string { return "secret-of-" + client + "-0123456789abcdef" }

// authorization is one with OAuth 2.0 credentials, whose client has its name.
func authorization(name string, change ...func(*core.DesiredAuthorization)) core.DesiredAuthorization {
	a := core.DesiredAuthorization{
		Name: name, Permission: core.ReadWrite, Resources: []string{core.PAMCore}, AllowedIPs: []string{"*"},
		OAuth2: &core.DesiredOAuth2{ClientID: name, ClientSecret: vault.NewSecret(secretOf(name))},
	}
	for _, f := range change {
		f(&a)
	}
	return a
}

func desired() core.Desired {
	return core.Desired{
		Organizations: []string{"acme", "emca"},
		Devices: []core.DesiredDevice{
			{
				Hostname: "web-01", Organization: "acme", Address: "10.20.0.11", Type: "Server", Vendor: "Debian", Model: "Debian 12",
				Site: "AWS", Connectivities: []string{"SSH:22", "HTTPS:443"}, Tags: []string{"prod", "web"},
			},
			{Hostname: "web-02", Organization: "acme", Address: "10.20.0.12", Type: "Server", Vendor: "Debian", Model: "Debian 12", Site: "AWS"},
			{Hostname: "off-01", Organization: "acme", Address: "10.20.0.13", Disabled: true},
			{Hostname: "foreign-01", Organization: "emca", Address: "10.30.0.11"},
		},
		Applications: []core.DesiredApplication{
			{Name: "deploy", Organization: "acme", Authorizations: []core.DesiredAuthorization{
				authorization("writer", func(a *core.DesiredAuthorization) {
					a.OAuth1 = &core.DesiredOAuth1{
						ConsumerKey: consumerKey, ConsumerSecret: vault.NewSecret(consumerSecret),
						Token: oauthToken, TokenSecret: vault.NewSecret(tokenSecret),
					}
				}),
				authorization("reader", func(a *core.DesiredAuthorization) { a.Permission = core.ReadOnly }),
				authorization("nothing", func(a *core.DesiredAuthorization) { a.Resources = nil }),
				authorization("near", func(a *core.DesiredAuthorization) { a.AllowedIPs = []string{"10.0.0.0/8", "::1"} }),
				authorization("page", func(a *core.DesiredAuthorization) { a.Referers = []string{"https://intranet.example.org/tools"} }),
				authorization("pinned", func(a *core.DesiredAuthorization) { a.Certificate = certificateSum }),
				authorization("brief", func(a *core.DesiredAuthorization) { a.ExpiresAt = start.Add(30 * time.Minute) }),
				authorization("off", func(a *core.DesiredAuthorization) { a.Disabled = true }),
			}},
			{Name: "audit", Organization: "acme", Authorizations: []core.DesiredAuthorization{
				authorization("stranger"),
				authorization("assigned", func(a *core.DesiredAuthorization) { a.Keys = []string{"deploy-web"} }),
				authorization("hosted", func(a *core.DesiredAuthorization) { a.Permission, a.Devices = core.ReadOnly, []string{"web-01"} }),
			}},
			{Name: "closed", Disabled: true, Authorizations: []core.DesiredAuthorization{authorization("closed")}},
			{Name: "foreign", Organization: "emca", Authorizations: []core.DesiredAuthorization{authorization("foreign")}},
		},
		Settings: map[string]string{
			"senhasegura": `{"time_zone":"America/Sao_Paulo"}`,
			"devices":     `{"domains":["example.org","example.net"]}`,
		},
	}
}

func newWorld(t testing.TB, change ...func(*senhasegura.Options)) *world {
	t.Helper()
	w := &world{log: &strings.Builder{}}
	w.Ground = facetest.NewGround(t, storetest.SQLite(t), start, core.Options{
		Settings: map[string]func(string) error{"senhasegura": senhasegura.CheckSettings},
	})
	w.Apply(t, desired())
	o := senhasegura.Options{
		Options: face.Options{
			Now: w.Now, Log: slog.New(slog.NewTextHandler(w.log, nil)),
			TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.200/32")},
		},
		Core: w.Core, BaseURL: baseURL,
	}
	for _, f := range change {
		f(&o)
	}
	w.options = o
	w.face = senhasegura.New(o)
	return w
}

// apply changes the world.
func (w *world) apply(t testing.TB, change func(*core.Desired)) {
	t.Helper()
	d := desired()
	change(&d)
	if _, err := w.Core.Apply(t.Context(), operator, d, false); err != nil {
		t.Fatal(err)
	}
}

// token gives an access token of a client.
func (w *world) token(t testing.TB, client string) string {
	t.Helper()
	token, err := w.Core.IssueAccessToken(t.Context(), client, vault.NewSecret(secretOf(client)), time.Hour, core.Origin{})
	if err != nil {
		t.Fatalf("access token of %s: %v", client, err)
	}
	return token.Reveal()
}

// do sends a request as the client, or as nobody.
func (w *world) do(t testing.TB, client, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	token := ""
	if client != "" {
		token = "Bearer " + w.token(t, client)
	}
	return w.send(t, token, method, target, body, headers...)
}

// send sends a request with an Authorization header, or without one where it
// is empty.
func (w *world) send(t testing.TB, authorization, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "RemoteAddr" {
			r.RemoteAddr = headers[i+1]
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	reply := httptest.NewRecorder()
	w.face.ServeHTTP(reply, r)
	return reply
}

const keyBody = `{"identifier":"deploy-web","hostname":"web-01","ip":"10.20.0.11","username":"deploy","key_name":"deploy-2026",
	"private_key":"-----BEGIN OPENSSH PRIVATE KEY-----\r\nb3BlbnNzaC1rZXktdjEA\r\n-----END OPENSSH PRIVATE KEY-----",
	"public_key":"ssh-ed25519 AAAA deploy@web-01","tags":"prod,web","devices":[{"hostname":"web-02"}]}`

// newKey makes the key of the recordings, whose id is 1.
func (w *world) newKey(t testing.TB) {
	t.Helper()
	if reply := w.do(t, "writer", "POST", "/api/pam/key", keyBody); reply.Code != http.StatusCreated {
		t.Fatalf("POST key = %d %s", reply.Code, reply.Body)
	}
}

// newPassword makes an item that is no key. No door makes any yet.
func (w *world) newPassword(t testing.TB) {
	t.Helper()
	err := w.Store.Update(t.Context(), func(tx core.Tx) error {
		k, err := tx.ManagedKey(1)
		if err != nil {
			return err
		}
		k.ID, k.UUID, k.Kind, k.Identifier = 0, uuid.New(), "password", "a password"
		_, err = tx.InsertManagedKey(k)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// message is the message of an answer.
func message(t testing.TB, reply *httptest.ResponseRecorder) string {
	t.Helper()
	var e struct {
		Message  string
		Response struct {
			Message string `json:"message"`
		}
	}
	if err := json.Unmarshal(reply.Body.Bytes(), &e); err != nil {
		t.Fatalf("%v in answer %q", err, reply.Body)
	}
	return e.Message + e.Response.Message
}

// exchanges gives the world to recordings.
func (w *world) exchanges(t testing.TB) facetest.World {
	t.Helper()
	vars := map[string]string{}
	for _, client := range []string{"writer", "reader", "nothing", "near", "brief", "stranger", "assigned", "hosted", "foreign"} {
		vars[client] = w.token(t, client)
	}
	for _, client := range []string{"writer", "off", "closed"} {
		vars["secret_of_"+client] = secretOf(client)
	}
	vars["basic_writer"] = base64.StdEncoding.EncodeToString([]byte("writer:" + secretOf("writer")))
	return facetest.World{
		Handler: w.face, Vars: vars, Exact: true,
		Do: map[string]func(*testing.T, string){
			"pass":     w.Passes,
			"key":      func(t *testing.T, _ string) { w.newKey(t) },
			"password": func(t *testing.T, _ string) { w.newPassword(t) },
			"settings": func(t *testing.T, text string) {
				w.apply(t, func(d *core.Desired) { d.Settings = map[string]string{"senhasegura": text} })
			},
			"policy": func(t *testing.T, text string) {
				p := core.Policy{Name: "short", ViewTime: 20 * time.Minute, Exclusive: text == "exclusive"}
				w.apply(t, func(d *core.Desired) { d.Policies = []core.Policy{p} })
			},
			"disable": func(t *testing.T, name string) { w.disable(t, name, true) },
			"enable":  func(t *testing.T, name string) { w.disable(t, name, false) },
		},
	}
}

// disable locks an authorization of deploy out, or lets it in again.
func (w *world) disable(t testing.TB, name string, disabled bool) {
	t.Helper()
	in := core.AuthorizationChange{Disabled: core.To(disabled)}
	if err := w.Core.ChangeAuthorization(t.Context(), operator, "deploy", name, in); err != nil {
		t.Fatal(err)
	}
}

func TestExchanges(t *testing.T) {
	t.Parallel()
	facetest.Run(t, "testdata/*.txtar", func(t *testing.T) facetest.World { return newWorld(t).exchanges(t) })
}
