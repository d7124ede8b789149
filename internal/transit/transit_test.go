package transit_test

import (
	"bytes"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tink-crypto/tink-go/v2/tink"

	"keyrack/internal/transit"
	"keyrack/internal/transit/transittest"
)

// Where these point, the tests of what a key does run against that server too:
// an OpenBao or HashiCorp Vault that a developer has started.
const (
	serverVariable = "TEST_TRANSIT_ADDR" // host:port, of plain HTTP on this machine
	tokenVariable  = "TEST_TRANSIT_TOKEN"
)

// engine is a server with a key, and how it is reached.
type engine struct {
	admin   transittest.Admin
	uri     string // without the key's name
	options transit.Options
}

func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func caFile(t testing.TB, s *httptest.Server) string {
	t.Helper()
	return write(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
}

func loopback(t testing.TB) engine {
	t.Helper()
	s := transittest.New(t)
	return engine{s.Admin(), s.URI(""), transit.Options{
		TokenFile: write(t, "token", transittest.Token+"\n"), CAFile: caFile(t, s.Server), Timeout: time.Minute,
	}}
}

// engines are the servers to test against.
func engines(t *testing.T) map[string]engine {
	t.Helper()
	all := map[string]engine{"loopback": loopback(t)}
	if at := os.Getenv(serverVariable); at != "" {
		token := os.Getenv(tokenVariable)
		a := transittest.Admin{Client: http.DefaultClient, URL: "http://" + at, Token: token}
		_ = a.Mount(t.Context()) // it may be mounted
		all["real"] = engine{a, "hcvault+http://" + at + "/transit/keys/", transit.Options{TokenFile: write(t, "token", token), Timeout: time.Minute}}
	}
	return all
}

// key makes a key for this test.
func (e engine) key(t testing.TB, name string) tink.AEAD {
	t.Helper()
	if err := e.admin.MakeKey(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	return get(t, e.options, e.uri+name)
}

func get(t testing.TB, o transit.Options, uri string) tink.AEAD {
	t.Helper()
	k, err := transit.New(o).GetAEAD(uri)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func seal(t testing.TB, k tink.AEAD, plain, bound string) []byte {
	t.Helper()
	sealed, err := k.Encrypt([]byte(plain), []byte(bound))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte(plain)) {
		t.Fatalf("Encrypt = %q, which shows what it hides", sealed)
	}
	return sealed
}

func wantOpens(t testing.TB, k tink.AEAD, sealed []byte, bound, want string) {
	t.Helper()
	if plain, err := k.Decrypt(sealed, []byte(bound)); err != nil || string(plain) != want {
		t.Errorf("Decrypt(%.30s…, %q) = %q, %v, want %q", sealed, bound, plain, err, want)
	}
}

func wantRefused(t testing.TB, k tink.AEAD, sealed []byte, bound, why string) {
	t.Helper()
	if plain, err := k.Decrypt(sealed, []byte(bound)); err == nil || !strings.Contains(err.Error(), why) {
		t.Errorf("Decrypt(%.30s…, %q) = %q, %v, want an error with %q", sealed, bound, plain, err, why)
	}
}

// What an AEAD promises: it opens what it sealed, for what it was bound to, and
// nothing else.
func TestKey(t *testing.T) {
	t.Parallel()
	for name, e := range engines(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k, other := e.key(t, "seals"), e.key(t, "other")
			sealed := seal(t, k, "s3cr3t", "here")
			wantOpens(t, k, sealed, "here", "s3cr3t")
			wantOpens(t, k, seal(t, k, "s3cr3t", ""), "", "s3cr3t")
			wantRefused(t, k, sealed, "there", "400")
			wantRefused(t, k, sealed, "", "400")
			wantRefused(t, other, sealed, "here", "400")
			wantRefused(t, k, sealed[:len(sealed)-8], "here", "400")
			wantRefused(t, k, []byte("no ciphertext"), "here", "400")
			wantRefused(t, get(t, e.options, e.uri+"nowhere"), sealed, "here", "encryption key not found")
		})
	}
}

func TestRotatedKey(t *testing.T) {
	t.Parallel()
	for name, e := range engines(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := e.key(t, "rotated")
			old := seal(t, k, "s3cr3t", "here")
			must(t, e.admin.Rotate(t.Context(), "rotated"))
			wantOpens(t, k, old, "here", "s3cr3t")
			anew := seal(t, k, "s3cr3t", "here")
			if !bytes.HasPrefix(anew, []byte("vault:v2:")) {
				t.Errorf("Encrypt after a rotation = %.20s…, want version 2 of the key", anew)
			}
			must(t, e.admin.Retire(t.Context(), "rotated", 2))
			wantOpens(t, k, anew, "here", "s3cr3t")
			wantRefused(t, k, old, "here", "too old")
		})
	}
}

func TestWrongToken(t *testing.T) {
	t.Parallel()
	for name, e := range engines(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sealed := seal(t, e.key(t, "guarded"), "s3cr3t", "here")
			for _, token := range []string{"hvs.another-token", "\n hvs.another-token \n"} {
				o := e.options
				o.TokenFile = write(t, "token", token)
				wantRefused(t, get(t, o, e.uri+"guarded"), sealed, "here", "403: ")
				_, err := get(t, o, e.uri+"guarded").Encrypt([]byte("s3cr3t"), nil)
				if text := err.Error(); !strings.Contains(text, "permission denied") || strings.Contains(text, "another-token") || strings.Contains(text, "\n") {
					t.Errorf("Encrypt = %q, want permission denied on one line and no token", text)
				}
			}
		})
	}
}

// The token is read for each request: agents renew it.
func TestTokenIsReadAnew(t *testing.T) {
	t.Parallel()
	e := loopback(t)
	k := e.key(t, "k")
	sealed := seal(t, k, "s3cr3t", "")
	must(t, os.WriteFile(e.options.TokenFile, []byte("expired"), 0o600))
	wantRefused(t, k, sealed, "", "403")
	must(t, os.WriteFile(e.options.TokenFile, []byte(transittest.Token), 0o600))
	wantOpens(t, k, sealed, "", "s3cr3t")
	for text, why := range map[string]string{"": "holds no token", "two words": "holds no token", "a\x00b": "holds no token"} {
		must(t, os.WriteFile(e.options.TokenFile, []byte(text), 0o600))
		wantRefused(t, k, sealed, "", why)
	}
	must(t, os.Remove(e.options.TokenFile))
	wantRefused(t, k, sealed, "", "no such file")
}

// Servers that fail, lie or are somebody else.
func TestBadServers(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	tests := map[string]struct {
		answer http.HandlerFunc
		why    string
	}{
		"sealed":        {text(503, `{"errors":["Vault is sealed"]}`), "answers 503: Vault is sealed"},
		"says nothing":  {text(500, ``), "answers 500: Internal Server Error"},
		"says much":     {text(500, `{"errors":["`+strings.Repeat("no ", 5000)+`"]}`), "answers 500: no no"},
		"none of its":   {text(200, `<html>`), "a reply that is none of a transit engine"},
		"sends on":      {to("https://elsewhere.example.org/v1/transit"), `sends on to another server, "https://elsewhere.example.org/v1/transit"`},
		"gives nothing": {text(200, `{"data":{}}`), "nothing"},
		"not base64":    {text(200, `{"data":{"plaintext":"%","ciphertext":"x"}}`), "a reply that is none of a transit engine"},
		"gives another": {text(200, `{"data":{"plaintext":"eA==","ciphertext":"vault:v1:x"}}`), "does not give back what it sealed"},
		"binds nothing": {text(200, `{"data":{"plaintext":"czNjcjN0","ciphertext":"vault:v1:x"}}`), "without its associated data"},
		"without an end": {func(w http.ResponseWriter, _ *http.Request) {
			for range 2048 {
				_, _ = w.Write(bytes.Repeat([]byte(" "), 1024))
			}
		}, "a reply that is none of a transit engine"},
		"hangs": {func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-release:
			}
		}, "Client.Timeout exceeded"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewTLSServer(tt.answer)
			t.Cleanup(s.Close)
			o := transit.Options{CAFile: caFile(t, s), Timeout: time.Minute}
			if name == "hangs" {
				t.Cleanup(func() { close(release) }) // comes before Close, which waits for the handler
				o.Timeout = 50 * time.Millisecond
			}
			_, err := get(t, o, "hcvault://"+s.Listener.Addr().String()+"/transit/keys/k").Encrypt([]byte("s3cr3t"), []byte("here"))
			if err == nil || !strings.Contains(err.Error(), tt.why) || len(err.Error()) > 1000 {
				t.Errorf("Encrypt: %v, want an error with %q", err, tt.why)
			}
			if err != nil && strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("Encrypt: %v, which shows what it was given", err)
			}
		})
	}
}

func text(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func to(url string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, url, http.StatusTemporaryRedirect) }
}

// The server must prove who it is before a token leaves.
func TestStrangeServer(t *testing.T) {
	t.Parallel()
	asked := false
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	s.Config.ErrorLog = nil
	s.StartTLS()
	t.Cleanup(s.Close)
	uri := "hcvault://" + s.Listener.Addr().String() + "/transit/keys/k"
	o := transit.Options{TokenFile: write(t, "token", "t"), Timeout: time.Minute}
	wantRefused(t, get(t, o, uri), []byte("vault:v1:x"), "", "certificate")
	down := s.Listener.Addr().String()
	s.Close()
	wantRefused(t, get(t, o, "hcvault://"+down+"/transit/keys/k"), []byte("vault:v1:x"), "", "connection refused")
	if asked {
		t.Error("a server that nobody vouches for was asked")
	}
	o.CAFile = write(t, "ca.pem", "nothing")
	if _, err := transit.New(o).GetAEAD(uri); err == nil || !strings.Contains(err.Error(), "holds no certificate") {
		t.Errorf("GetAEAD with a CA file of nothing: %v", err)
	}
	o.CAFile = filepath.Join(t.TempDir(), "none")
	if _, err := transit.New(o).GetAEAD(uri); err == nil {
		t.Error("GetAEAD without the CA file succeeded")
	}
}

func TestWhatIsSent(t *testing.T) {
	t.Parallel()
	var got []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"X-Vault-Token", "X-Vault-Namespace", "X-Vault-Request"} {
			got = append(got, r.Header.Get(name))
		}
		got = append(got, r.Method+" "+r.URL.String())
		w.WriteHeader(http.StatusTeapot)
	}))
	t.Cleanup(s.Close)
	uri := "hcvault+http://" + s.Listener.Addr().String() + "/team/transit/keys/k-1"
	_, _ = get(t, transit.Options{Namespace: "a/b", Timeout: time.Minute}, uri).Encrypt(nil, nil)
	if text := strings.Join(got, "|"); text != "|a/b|true|POST /v1/team/transit/encrypt/k-1" {
		t.Errorf("sent %q", text)
	}
}

func TestURIs(t *testing.T) {
	t.Parallel()
	for _, uri := range []string{
		"hcvault://bao/transit/keys/k", "hcvault://bao.example.org:8200/a/b-c/keys/K_1.x", "hcvault://[fd00::5]:8200/transit/keys/k",
		"hcvault+http://127.0.0.1:8100/transit/keys/k", "hcvault+http://[::1]:1/t/keys/k", "hcvault+http://localhost/t/keys/k",
	} {
		if err := transit.CheckURI(uri); err != nil || !transit.New(transit.Options{}).Supported(uri) {
			t.Errorf("CheckURI(%q) = %v, want it taken", uri, err)
		}
	}
	for _, uri := range []string{
		"", "hcvault://", "hcvault:///transit/keys/k", "hcvault://bao/keys/k", "hcvault://bao/transit/k", "hcvault://bao/transit/keys/",
		"hcvault://bao/transit/keys/k/", "hcvault://bao/../keys/k", "hcvault://bao/a/../b/keys/k", "hcvault://bao/t/keys/k?x=1", "hcvault://bao/t/keys/k#x",
		"hcvault://me:pw@bao/transit/keys/k", "hcvault://bao/tr%61nsit/keys/k", "https://bao/transit/keys/k", "aws-kms://arn:x/t/keys/k",
		"hcvault+http://bao/transit/keys/k", "hcvault+http://127.0.0.1.example.org/t/keys/k", "hcvault://bao/transit/keys/k\n", "HCVAULT://bao/t/keys/k",
	} {
		if err := transit.CheckURI(uri); err == nil {
			t.Errorf("CheckURI(%q) took it", uri)
		}
		if _, err := transit.New(transit.Options{}).GetAEAD(uri); err == nil {
			t.Errorf("GetAEAD(%q) took it", uri)
		}
	}
}
