package core_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/core"
)

func (w *world) repeatable(by core.Actor, key string, request byte) core.Actor {
	w.t.Helper()
	by, err := by.Repeatable(key, core.Digest{request})
	if err != nil {
		w.t.Fatal(err)
	}
	return by
}

// TestOnce repeats each request that makes something: it makes one thing, and
// gives it every time.
func TestOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		ada, project := w.account(core.NewAccount{Login: "ada"}), w.project(core.NewProject{Name: "p"})
		hooked := w.session(project, core.NewSession{})
		application, _ := vaultWorld(w)
		for name, c := range map[string]struct {
			by   core.Actor
			make func(by core.Actor) (uuid.UUID, error)
		}{
			"key": {operator, func(by core.Actor) (uuid.UUID, error) {
				k, err := w.AddKey(t.Context(), by, core.NewKey{Owner: ada.ID, Name: "k", Text: testKey(t, 1).String(), Unique: core.Uniqueness{Name: true, Key: true}})
				return k.UUID, err
			}},
			"session": {project, func(by core.Actor) (uuid.UUID, error) {
				s, err := w.CreateSession(t.Context(), by, core.NewSession{Kind: core.CollectSession})
				return s.UUID, err
			}},
			"webhook": {project, func(by core.Actor) (uuid.UUID, error) {
				h, err := w.AddWebhook(t.Context(), by, core.CollectSession, hooked.UUID, core.NewWebhook{URL: "https://example.org/"})
				return h.UUID, err
			}},
			"managed key": {application, func(by core.Actor) (uuid.UUID, error) {
				k, err := w.SaveManagedKey(t.Context(), by, managedKey("", "web-01"))
				if err == nil && !k.Created {
					t.Error("a key that was made is told as changed")
				}
				return k.UUID, err
			}},
			"account": {operator, func(by core.Actor) (uuid.UUID, error) {
				a, err := w.AddAccount(t.Context(), by, core.NewAccount{Login: "bob", Password: "correct-horse-battery"})
				return a.UUID, err
			}},
		} {
			t.Run(name, func(t *testing.T) { w.madeOnce(t, c.by, c.make) })
		}
	})
}

// madeOnce repeats a request, side by side and later, and tries its key for another.
func (w *world) madeOnce(t *testing.T, by core.Actor, request func(core.Actor) (uuid.UUID, error)) {
	t.Helper()
	made := make([]uuid.UUID, 20)
	atOnce(len(made), func(i int) (err error) {
		made[i], err = request(w.repeatable(by, "k1", 1))
		if err != nil {
			t.Errorf("repeated request: %v", err)
		}
		return err
	})
	before := w.dump()
	again, err := request(w.repeatable(by, "k1", 1))
	if err != nil {
		t.Errorf("repeated later: %v", err)
	}
	for i, id := range append(made, again) {
		if id != made[0] || id == uuid.Nil {
			t.Errorf("repetition %d made %v, the first %v; want one thing", i, id, made[0])
		}
	}
	_, err = request(w.repeatable(by, "k1", 2))
	wantError(t, "another request with the key", err, core.Conflict)
	w.unchanged("a repeated request", before)
}

// TestTokensAreMadeOnce repeats a request for a token: there is one, the last
// secret that was given is its own, and a revoked one comes not back.
func TestTokensAreMadeOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		ada := w.account(core.NewAccount{Login: "ada"})
		request := func() (core.Token, string, error) {
			made, secret, err := w.AddUserToken(t.Context(), w.repeatable(w.actor("ada"), "k1", 1), core.Scope{}, ada.ID, "t", time.Time{})
			return made, secret.Reveal(), err
		}
		holds := func(secret string) bool {
			_, err := w.AuthenticateBasic(t.Context(), "ada", secret, core.Origin{})
			return err == nil
		}
		first, lost, err := request()
		if err != nil {
			t.Fatal(err)
		}
		again, secret, err := request()
		if err != nil || again.ID != first.ID || holds(lost) || !holds(secret) {
			t.Errorf("repeated: token %d, %v, want %d with the new secret alone", again.ID, err, first.ID)
		}
		if _, err := w.RevokeUserToken(t.Context(), w.actor("ada"), core.Scope{}, ada.ID, first.ID); err != nil {
			t.Fatal(err)
		}
		_, _, err = request()
		wantError(t, "what was made is revoked", err, core.Conflict)
	})
}

// TestOnceForEach wants keys kept apart by who sends them, failed requests free
// to come again, and a removed thing not made anew.
func TestOnceForEach(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, other := w.project(core.NewProject{Name: "one"}), w.project(core.NewProject{Name: "other"})
	create := func(by core.Actor, in core.NewSession) (core.Session, error) {
		in.Kind = core.CollectSession
		return w.CreateSession(t.Context(), w.repeatable(by, "k", 1), in)
	}
	if _, err := create(one, core.NewSession{ExternalID: ptr("\x00")}); core.KindOf(err) != core.Invalid {
		t.Fatalf("CreateSession with a bad external id: %v, want it refused", err)
	}
	first, err := create(one, core.NewSession{})
	if err != nil {
		t.Fatalf("the same request, made good: %v", err)
	}
	if foreign, err := create(other, core.NewSession{}); err != nil || foreign.UUID == first.UUID {
		t.Errorf("another project with the key: %v, %v; want a session of its own", foreign.UUID, err)
	}
	if err := w.DeleteSession(t.Context(), one, core.CollectSession, first.UUID); err != nil {
		t.Fatal(err)
	}
	_, err = create(one, core.NewSession{})
	wantError(t, "what was made is gone", err, core.Conflict)
}

// TestPruneMade forgets requests after a day.
func TestPruneMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	by := w.project(core.NewProject{Name: "p"})
	for i := range 3 {
		if _, err := w.CreateSession(t.Context(), w.repeatable(by, fmt.Sprint(i), 1), core.NewSession{Kind: core.CollectSession}); err != nil {
			t.Fatal(err)
		}
		w.clock.advance(12 * time.Hour)
	}
	if n, err := w.PruneMade(t.Context(), core.System("prune")); n != 1 || err != nil {
		t.Errorf("PruneMade() = %d, %v; want 1", n, err)
	}
	if _, err := w.PruneMade(t.Context(), operator); core.KindOf(err) != core.Denied {
		t.Errorf("PruneMade by an operator: %v, want it denied", err)
	}
}
