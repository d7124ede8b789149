package native_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/face/facetest"
	"keyrack/internal/face/native"
	"keyrack/internal/face/openapi"
	"keyrack/internal/sshkey"
	"keyrack/internal/store/storetest"
)

const (
	firstKey  = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBk6k7EMuYtAVb7JHtU98Zx8ROZ9D5WipUVvnBDlzsW5"
	secondKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICv66GT82Ty0kNxCtCEdPWdLpmDlrUe0jqs8ZU8dcdR7"
)

var start = time.Date(2026, 5, 10, 10, 0, 0, 0, time.UTC)

type world struct {
	*facetest.Ground
	token  string // a host's
	ended  string // a host's, for an hour
	waldur string // an administrator's, for another face
	api    *openapi.API
}

// newWorld is a few accounts with keys, and hosts that may ask for them.
func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{Ground: facetest.NewGround(t, storetest.SQLite(t), start, core.Options{})}
	keys := []core.DesiredKey{{Name: "laptop", PublicKey: firstKey + " ada@laptop"}, {Name: "desk top", PublicKey: secondKey}}
	one := []core.DesiredKey{{Name: "only", PublicKey: firstKey}}
	w.Apply(t, core.Desired{Accounts: []core.DesiredAccount{
		{Login: "ada", Keys: keys},
		{Login: "Bob", Keys: one},
		{Login: "gone", Keys: one, Disabled: true},
		{Login: "temp", Keys: one, ExpiresAt: start.Add(time.Hour)},
		{Login: "none"},
		{Login: "hosts"},
		{Login: "admin", Roles: core.Roles{Admin: true}},
	}})
	w.token = w.addToken(t, core.NewToken{Account: "hosts", Name: "web1", Use: core.UseHost})
	w.ended = w.addToken(t, core.NewToken{Account: "hosts", Name: "web2", Use: core.UseHost, ExpiresAt: start.Add(time.Hour)})
	w.waldur = w.addToken(t, core.NewToken{Account: "admin", Name: "sdk", Use: core.UseWaldur})
	w.api = native.New(native.Options{
		Options: w.Options(), Core: w.Core, BaseURL: "https://keys.example.org", Version: "test",
	})
	return w
}

func (w *world) addToken(t testing.TB, in core.NewToken) string {
	t.Helper()
	secret, err := w.Core.AddToken(t.Context(), core.Operator("test"), in)
	if err != nil {
		t.Fatal(err)
	}
	return secret.Reveal()
}

func (w *world) get(t testing.TB, target string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	r.Header.Set("Authorization", "Bearer "+w.token)
	reply := httptest.NewRecorder()
	w.api.ServeHTTP(reply, r)
	return reply
}

func TestExchanges(t *testing.T) {
	t.Parallel()
	facetest.Run(t, "testdata/*.txtar", func(t *testing.T) facetest.World {
		w := newWorld(t)
		return facetest.World{
			Handler: facetest.ReadDescription(t, w.api, "/api/keyrack/v1/openapi.json").Hold(t, w.api),
			Vars:    map[string]string{"host_token": w.token, "ended_token": w.ended},
			Do: map[string]func(*testing.T, string){
				"pass": w.Passes,
				"disable": func(t *testing.T, login string) {
					a, err := w.Core.AccountRef(t.Context(), core.Operator("test"), login)
					if err != nil {
						t.Fatal(err)
					}
					if _, err := w.Core.SetAccountDisabled(t.Context(), core.Operator("test"), a.UUID, true); err != nil {
						t.Fatal(err)
					}
				},
			},
		}
	})
}

func sibling(w *world) facetest.Face {
	return facetest.Face{
		Handler: w.api, Routes: w.api.Routes(), ErrorType: "application/problem+json",
		Credential: http.Header{"Authorization": {"Bearer " + w.token}},
	}
}

func TestRefusesStrangers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	facetest.RefusesStrangers(t, sibling(w),
		http.Header{"Authorization": {"Bearer " + strings.ToUpper(w.token)}},
		http.Header{"Authorization": {"Bearer " + w.token + "x"}},
		http.Header{"Authorization": {"Bearer"}},
		http.Header{"Authorization": {"Bearer "}},
		http.Header{"Authorization": {w.token}},
		http.Header{"Authorization": {"Token " + w.token}},
		http.Header{"Authorization": {"Basic " + w.token}},
		http.Header{"Authorization": {"Bearer " + w.waldur}},
		http.Header{"Authorization": {"Token " + w.waldur}},
		http.Header{"Authorization": {"Bearer x", "Bearer " + w.token}}, // the first one counts
		http.Header{"X-Api-Key": {w.token}},
	)
}

func TestRefusesUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := sibling(w)
	facetest.RefusesUnknown(t, f)
	facetest.EchoesNothing(t, f)
}

func TestDescription(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	facetest.ReadDescription(t, w.api, "/api/keyrack/v1/openapi.json").Describes(t, sibling(w))
}

// What stands in a login's place opens nothing that the login would not.
func TestStrangeLogins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const base = "/api/keyrack/v1/authorized-keys/"
	for _, tt := range []struct {
		target string
		status int
	}{
		{base + "ADA", 200}, // sshd's names have case
		{base + "bob", 200},
		{base + "ada%20", 200},
		{base + "%61da%2F", 200},
		{base + "ada%2F..%2Fbob", 200},
		{base + "ada@example.org", 200},
		{base + url.PathEscape("' OR 1=1 --"), 200},
		{base + url.PathEscape("ada,Bob"), 200},
		{base + "*", 200},
		{base + strings.Repeat("a", 60_000), 200},
		{base + "ada%00", 404},
		{base + "ada%0Aada", 404},
		{base + "ada%FF", 404},
		{base + "bob/../ada", 404},
		{base + "./ada", 404},
		{base + "/ada", 404},
		{base, 404},
		{"/api/keyrack/v1//authorized-keys/ada", 404},
		{"/API/keyrack/v1/authorized-keys/ada", 404},
		{base + "ada/keys", 404},
	} {
		reply := w.get(t, tt.target)
		if reply.Code != tt.status || tt.status == 200 && reply.Body.Len() > 0 || strings.Contains(reply.Body.String(), "AAAA") {
			t.Errorf("GET %.80s = %d %s, want %d and no key", tt.target, reply.Code, reply.Body, tt.status)
		}
	}
	if got := w.get(t, base+"%61da").Body.String(); !strings.HasPrefix(got, firstKey) {
		t.Errorf("GET %s = %q, want ada's keys: an escaped letter is that letter", base+"%61da", got)
	}
}

// A client can see whether it got all keys, also of more than net/http keeps
// back to count them by itself (2 KiB).
func TestReplySaysItsLength(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, err := w.Core.AccountRef(t.Context(), core.Operator("test"), "ada")
	if err != nil {
		t.Fatal(err)
	}
	for n := range 60 {
		if _, err := w.Core.AddKey(t.Context(), core.Operator("test"), core.NewKey{
			Owner: ada.ID, Name: fmt.Sprintf("key %d", n), Text: firstKey,
		}); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(w.api)
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	request := "GET /api/keyrack/v1/authorized-keys/ada HTTP/1.1\r\nHost: x\r\nAuthorization: bearer " + w.token + "\r\nConnection: close\r\n\r\n"
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	reply, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil || reply.ContentLength != int64(len(body)) || len(reply.TransferEncoding) > 0 {
		t.Errorf("reply of %d bytes: Content-Length %d, transfer encoding %v, %v; want its length", len(body), reply.ContentLength, reply.TransferEncoding, err)
	}
	lines := strings.Split(strings.TrimSuffix(string(body), "\n"), "\n")
	if len(lines) != 62 {
		t.Errorf("got %d lines, want 62", len(lines))
	}
	for _, line := range lines {
		if _, err := sshkey.Parse(line); err != nil {
			t.Errorf("Parse(%q): %v", line, err)
		}
	}
}

func BenchmarkAuthorizedKeys(b *testing.B) {
	w := newWorld(b)
	for _, target := range []string{"ada", "nobody", "ada?fingerprint=SHA256:GBghF%2BL0FX94M5ybf9Vm10bW7RXM8y%2FeIvOz4%2FyRqDs"} {
		b.Run(target, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if reply := w.get(b, "/api/keyrack/v1/authorized-keys/"+target); reply.Code != http.StatusOK {
					b.Fatal(reply.Code)
				}
			}
		})
	}
}
