package waldur_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/core"
	"keyrack/internal/face/facetest"
	"keyrack/internal/face/waldur"
	"keyrack/internal/store"
	"keyrack/internal/store/storetest"
	"keyrack/internal/vault"
)

const (
	host  = "keys.example.org"
	maria = "1111111111111111111111111111111111111111" // token of an ordinary user
	helen = "2222222222222222222222222222222222222222" // of support
	sam   = "3333333333333333333333333333333333333333" // of staff
	bob   = "4444444444444444444444444444444444444444" // of another ordinary user
	brief = "5555555555555555555555555555555555555555" // of maria, for an hour after its last use
	gone  = "6666666666666666666666666666666666666666" // of a user who was switched off

	mariaUUID = "0c6f1d0e-2b3a-4c5d-8e9f-7a6b5c4d3e2f"
	password  = "correct-horse-battery"

	// The two keys of which the fingerprints are known from upstream.
	edKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2w+iNo5x5pv1C2fQ2Mj44JG3hOGoQv+M1skz0Zk7UW maria@laptop"
	ecKey = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBDW9ATRTdyxoDKpATqEUcRirND0nZmcHt4S0kloRDyygXIaqQ8lL5W6K4l7vM3QGhV+wREERjEoSjmee0Xt8aJI= maria@desk"
)

var (
	start    = time.Date(2026, 3, 1, 10, 20, 30, 123456000, time.UTC)
	operator = core.Operator("test")
)

// world is some users with tokens, and a clock that stands still.
type world struct {
	*facetest.Ground
	face *waldur.Face
}

func newWorld(t testing.TB, change ...func(*waldur.Options)) *world {
	t.Helper()
	return newWorldOn(t, storetest.SQLite(t), change...)
}

func newWorldOn(t testing.TB, s *store.Store, change ...func(*waldur.Options)) *world {
	t.Helper()
	w := &world{Ground: facetest.NewGround(t, s, start, core.Options{
		Settings: map[string]func(string) error{waldur.Section: waldur.CheckSettings},
	})}
	w.Apply(t, people())
	o := waldur.Options{Options: w.Options(), Core: w.Core}
	for _, f := range change {
		f(&o)
	}
	w.face = waldur.New(o)
	return w
}

func people() core.Desired {
	token := func(secret string, lifetime time.Duration) core.DesiredToken {
		return core.DesiredToken{Name: secret[:1], Use: core.UseWaldur, Secret: vault.NewSecret(secret), Lifetime: lifetime}
	}
	return core.Desired{Accounts: []core.DesiredAccount{
		{
			ID: 12, UUID: uuid.MustParse(mariaUUID), Login: "maria", Name: "Maria Tamm", Email: "maria@example.org",
			Password: vault.NewSecret(password), Tokens: []core.DesiredToken{token(maria, 0), token(brief, time.Hour)},
		},
		{
			ID: 13, UUID: uuid.MustParse("22222222-2b3a-4c5d-8e9f-7a6b5c4d3e2f"), Login: "helen", Name: "Helen Kask",
			Roles: core.Roles{Support: true}, Tokens: []core.DesiredToken{token(helen, 0)},
		},
		{
			ID: 14, UUID: uuid.MustParse("33333333-2b3a-4c5d-8e9f-7a6b5c4d3e2f"), Login: "sam", Name: "Sam Saar",
			Roles: core.Roles{Admin: true}, Tokens: []core.DesiredToken{token(sam, 0)},
		},
		{
			ID: 15, UUID: uuid.MustParse("44444444-2b3a-4c5d-8e9f-7a6b5c4d3e2f"), Login: "bob", Tokens: []core.DesiredToken{token(bob, 0)},
		},
		{ID: 16, Login: "gone", Disabled: true, Tokens: []core.DesiredToken{token(gone, 0)}},
	}}
}

// exchanges gives the world to recordings.
func (w *world) exchanges() facetest.World {
	return facetest.World{
		Handler: w.face,
		Vars: map[string]string{
			"maria": maria, "helen": helen, "sam": sam, "bob": bob, "brief": brief, "gone": gone, "password": password,
			"ed_key": edKey, "ec_key": ecKey,
		},
		Do: map[string]func(*testing.T, string){
			"pass": w.Passes,
			"share": func(t *testing.T, id string) {
				if err := w.Core.ShareKey(t.Context(), operator, uuid.MustParse(id)); err != nil {
					t.Fatal(err)
				}
			},
			"settings": func(t *testing.T, text string) {
				w.Apply(t, core.Desired{Settings: map[string]string{waldur.Section: text}})
			},
		},
	}
}

// send sends a request with a token; an empty one is none.
func (w *world) send(t testing.TB, token, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://"+host+target, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Token "+token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if other := r.Header.Get("Host"); other != "" {
		r.Host = other
	}
	reply := httptest.NewRecorder()
	w.face.ServeHTTP(reply, r)
	return reply
}

// key makes a key and gives its UUID as it is written.
func (w *world) key(t testing.TB, token, name, text string) string {
	t.Helper()
	reply := w.send(t, token, http.MethodPost, "/api/keys/", `{"name":"`+name+`","public_key":"`+text+`"}`)
	if reply.Code != http.StatusCreated {
		t.Fatalf("create %s = %d %s", name, reply.Code, reply.Body)
	}
	_, rest, _ := strings.Cut(reply.Body.String(), `"uuid":"`)
	return rest[:32]
}

func TestExchanges(t *testing.T) {
	t.Parallel()
	facetest.Run(t, "testdata/*.txtar", func(t *testing.T) facetest.World { return newWorld(t).exchanges() })
}

func withOrigins(origins ...string) func(*waldur.Options) {
	return func(o *waldur.Options) { o.Origins = origins }
}
