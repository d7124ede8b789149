package sshverify_test

import (
	"errors"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/face/facetest"
	"keyrack/internal/face/openapi"
	"keyrack/internal/face/sshverify"
	"keyrack/internal/sshkey"
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
	*facetest.Ground
	api *openapi.API
}

func newWorld(t testing.TB, change ...func(*sshverify.Options)) *world {
	t.Helper()
	w := &world{Ground: facetest.NewGround(t, storetest.SQLite(t), start, core.Options{CheckURL: reachable})}
	secret := vault.NewSecret[string]
	w.Apply(t, core.Desired{Projects: []core.DesiredProject{
		{Name: "onboarding", Adopt: core.AdoptOff, APIKeys: []core.DesiredAPIKey{
			{Name: "ci", Secret: secret(key)},
			{Name: "ended", Secret: secret(endedKey), ExpiresAt: start.Add(time.Hour)},
		}},
		{Name: "another", Adopt: core.AdoptOff, APIKeys: []core.DesiredAPIKey{{Name: "ci", Secret: secret(otherKey)}}},
	}})
	o := sshverify.Options{Options: w.Options(), Core: w.Core, BaseURL: baseURL, Version: "test"}
	for _, f := range change {
		f(&o)
	}
	w.api = sshverify.New(o)
	return w
}

// connect plays the part of the SSH server: the first line is the identifier,
// each other one a key, offered, or proven where it begins with "proven".
func (w *world) connect(t *testing.T, text string) {
	t.Helper()
	lines := strings.Split(text, "\n")
	by := core.Visitor(core.Origin{Face: "ssh", Address: netip.MustParseAddr("::ffff:203.0.113.10")})
	visit, err := w.Core.Connect(t.Context(), by, lines[0], "SSH-2.0-OpenSSH_9.6")
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
		keys = append(keys, core.CollectedKey{Public: read.Key, Proven: proven, CreatedAt: w.Now()})
	}
	if _, err := w.Core.Finish(t.Context(), by, visit.Connection, keys); err != nil {
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
			"pass":    w.Passes,
			"revoke": func(t *testing.T, name string) {
				if err := w.Core.RemoveAPIKey(t.Context(), core.Operator("test"), "onboarding", name); err != nil {
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
