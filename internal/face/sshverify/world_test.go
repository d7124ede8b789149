package sshverify_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/face"
	"keyrack/internal/face/facetest"
	"keyrack/internal/face/openapi"
	"keyrack/internal/face/sshverify"
	"keyrack/internal/sshkey"
	"keyrack/internal/store"
	"keyrack/internal/store/storetest"
	"keyrack/internal/vault"
)

const (
	baseURL  = "https://keys.example.org"
	key      = "0123456789abcdefghijklmnopqrstuv" // of project onboarding
	otherKey = "OTHERprojectOTHERprojectOTHERpro" // of project another
	endedKey = "ENDEDkeyENDEDkeyENDEDkeyENDEDkey" // of project onboarding, until the clock's noon
)

// start is when each world begins.
var start = time.Date(2026, 5, 10, 9, 58, 30, 0, time.UTC)

// reachable knows one internal address.
func reachable(url string) error {
	if strings.HasPrefix(url, "https://10.0.0.5/") {
		return errors.New("must not go to an internal or special address")
	}
	return nil
}

// world is two projects, their keys, and a clock that stands still.
type world struct {
	core  *core.Service
	store *store.Store
	api   *openapi.API
	now   atomic.Pointer[time.Time]
}

func newWorld(t testing.TB, change ...func(*sshverify.Options)) *world {
	t.Helper()
	w := &world{store: storetest.SQLite(t)}
	w.now.Store(&start)
	clock := func() time.Time { return *w.now.Load() }
	dir := t.TempDir()
	sealing, err := vault.Create(vault.Options{
		MasterKeyFile: filepath.Join(dir, "master.key"), KeysetFile: filepath.Join(dir, "keyset.json"),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.core = core.New(core.Options{Store: w.store, Vault: sealing, Now: clock, CheckURL: reachable})
	secret := vault.NewSecret[string]
	_, err = w.core.Apply(t.Context(), core.Operator("test"), core.Desired{Projects: []core.DesiredProject{
		{Name: "onboarding", Adopt: core.AdoptOff, APIKeys: []core.DesiredAPIKey{
			{Name: "ci", Secret: secret(key)},
			{Name: "ended", Secret: secret(endedKey), ExpiresAt: start.Add(time.Hour)},
		}},
		{Name: "another", Adopt: core.AdoptOff, APIKeys: []core.DesiredAPIKey{{Name: "ci", Secret: secret(otherKey)}}},
	}}, false)
	if err != nil {
		t.Fatal(err)
	}
	o := sshverify.Options{
		Options: face.Options{Now: clock, Log: slog.New(slog.NewTextHandler(io.Discard, nil))},
		Core:    w.core, BaseURL: baseURL, Version: "test",
	}
	for _, f := range change {
		f(&o)
	}
	w.api = sshverify.New(o)
	return w
}

func (w *world) pass(d time.Duration) {
	later := w.now.Load().Add(d)
	w.now.Store(&later)
}

// connect plays the part of the SSH server: the first line is the identifier,
// each other one a key, offered, or proven where it begins with "proven".
func (w *world) connect(t *testing.T, text string) {
	t.Helper()
	lines := strings.Split(text, "\n")
	by := core.Visitor(core.Origin{Face: "ssh", Address: netip.MustParseAddr("::ffff:203.0.113.10")})
	visit, err := w.core.Connect(t.Context(), by, lines[0], "SSH-2.0-OpenSSH_9.6")
	if err != nil {
		t.Fatal(err)
	}
	var keys []core.CollectedKey
	for _, line := range lines[1:] {
		line, proven := strings.CutPrefix(line, "proven ")
		read, err := sshkey.Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, core.CollectedKey{Public: read.Key, Proven: proven, CreatedAt: *w.now.Load()})
	}
	if _, err := w.core.Finish(t.Context(), by, visit.Connection, keys); err != nil {
		t.Fatal(err)
	}
}

// exchanges gives the world to recordings.
func (w *world) exchanges(t testing.TB) facetest.World {
	t.Helper()
	return facetest.World{
		// Each reply is as recorded, and as the document has it.
		Handler: facetest.ReadDescription(t, w.api, "/api/v1/openapi.json").Hold(t, w.api),
		Vars:    map[string]string{"key": key, "other_key": otherKey, "ended_key": endedKey},
		Do: map[string]func(*testing.T, string){
			"connect": w.connect,
			"pass": func(t *testing.T, text string) {
				d, err := time.ParseDuration(text)
				if err != nil {
					t.Fatal(err)
				}
				w.pass(d)
			},
			"revoke": func(t *testing.T, name string) {
				if err := w.core.RemoveAPIKey(t.Context(), core.Operator("test"), "onboarding", name); err != nil {
					t.Fatal(err)
				}
			},
		},
	}
}

// do sends a request with the project's key, or without one where a header
// says otherwise.
func (w *world) do(t testing.TB, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	r.Header.Set("x-api-key", key)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	reply := httptest.NewRecorder()
	w.api.ServeHTTP(reply, r)
	return reply
}

func TestExchanges(t *testing.T) {
	t.Parallel()
	facetest.Run(t, "testdata/*.txtar", func(t *testing.T) facetest.World { return newWorld(t).exchanges(t) })
}
