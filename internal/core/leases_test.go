package core_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/sshkey"
)

// reads counts the snapshots of a store, and how often it runs what is meant to
// be one statement.
type reads struct {
	core.Store
	n atomic.Int64
}

func (r *reads) View(ctx context.Context, fn func(core.Tx) error) error {
	r.n.Add(1)
	return r.Store.View(ctx, fn)
}

func (r *reads) Glance(ctx context.Context, fn func(core.Tx) error) error {
	return r.Store.Glance(ctx, func(tx core.Tx) error { r.n.Add(1); return fn(tx) })
}

// leasing is a server on the world's store, and the count of what it reads there.
func (w *world) leasing(shared bool) (*core.Service, *reads) {
	r := &reads{Store: w.store}
	return core.New(core.Options{
		Store: r, Vault: w.vault, Now: w.clock.Now, PasswordCost: cheap, Leases: true, Shared: shared,
	}), r
}

// wantLeased shows something again that was shown before, and wants that it is
// answered without a look into the store. On a busy machine a lease may be over
// before the next question: it is asked until one is within it.
func (r *reads) wantLeased(t testing.TB, show func() error) {
	t.Helper()
	const times = 100
	for range times {
		before := r.n.Load()
		if err := show(); err != nil {
			t.Fatal(err)
		}
		if r.n.Load() == before {
			return
		}
	}
	t.Fatalf("shown %d times and read each time; want it known by its lease", times)
}

// shown is a credential of the world's, as a server is shown it.
type shown func(*core.Service) error

// credentials makes one of each kind that has leases.
func (w *world) credentials() map[string]shown {
	w.t.Helper()
	ctx := w.t.Context()
	newAda(w)
	must(w.AddToken(ctx, operator, core.NewToken{Account: "ada", Name: "portal", Use: core.UseRaidboxes}))
	w.apply(core.Desired{Projects: []core.DesiredProject{{Name: "onboarding"}}})
	must(0, w.EnsureSigningKey(ctx, core.System("start")))
	token := must(w.AddToken(ctx, operator, core.NewToken{Account: "ada", Name: "sdk", Use: core.UseWaldur})).Reveal()
	ticket, access := w.logIn(adas), must(w.accessToken(w.authorize()))
	apiKey := must(w.AddAPIKey(ctx, operator, core.NewAPIKey{Project: "onboarding", Name: "ci"})).Reveal()
	personal := must(w.AddToken(ctx, operator, core.NewToken{Account: "ada", Name: "hammer", Use: core.UseForeman})).Reveal()
	signIn := w.signIn(personal).Reveal()
	return map[string]shown{
		"token":  func(s *core.Service) error { return second(s.AuthenticateToken(ctx, core.UseWaldur, token, portal)) },
		"ticket": func(s *core.Service) error { return second(s.AuthenticateTicket(ctx, ticket, portal)) },
		"sign-in": func(s *core.Service) error {
			_, err := s.ResumeSignIn(ctx, signIn, signInIdle, portal)
			if core.KindOf(err) == core.NotFound {
				return core.ErrSignInOver // as to who holds it
			}
			return err
		},
		"access": func(s *core.Service) error { return second(s.AuthenticateAccessToken(ctx, access, jobFrom)) },
		"api key": func(s *core.Service) error {
			_, _, err := s.AuthenticateAPIKey(ctx, apiKey, portal)
			return err
		},
	}
}

// revocations take a credential away: by the kind of the credential, and by name.
var revocations = map[string]map[string]func(context.Context, *core.Service) error{
	"token": {
		"removed": func(ctx context.Context, s *core.Service) error {
			return s.RemoveToken(ctx, operator, "ada", core.UseWaldur, "sdk")
		},
		"disabled": disableAda,
	},
	"ticket": {
		"disabled": disableAda,
		"signed anew": func(ctx context.Context, s *core.Service) error {
			return second(s.RotateSigningKey(ctx, operator, true))
		},
		"password": newPassword,
	},
	"sign-in": {
		"disabled": disableAda,
		"password": newPassword,
		"its token removed": func(ctx context.Context, s *core.Service) error {
			return s.RemoveToken(ctx, operator, "ada", core.UseForeman, "hammer")
		},
	},
	"api key": {
		"removed": func(ctx context.Context, s *core.Service) error {
			return s.RemoveAPIKey(ctx, operator, "onboarding", "ci")
		},
	},
	"access": {
		"disabled": func(ctx context.Context, s *core.Service) error {
			return s.SetApplicationDisabled(ctx, operator, "deploy", true)
		},
		"removed": func(ctx context.Context, s *core.Service) error {
			return s.RemoveAuthorization(ctx, operator, "deploy", "ci")
		},
		"rotated": func(ctx context.Context, s *core.Service) error {
			return second(s.RotateAuthorization(ctx, operator, "deploy", "ci"))
		},
	},
}

func disableAda(ctx context.Context, s *core.Service) error {
	return second(s.SetAccountDisabled(ctx, operator, must(s.AccountRef(ctx, operator, "ada")).UUID, true))
}

func newPassword(ctx context.Context, s *core.Service) error {
	return s.SetPassword(ctx, operator, must(s.AccountRef(ctx, operator, "ada")).UUID, "another-long-passphrase")
}

// A sign-in that is used is not idle, whichever lease there is on it; it is over
// to the moment.
func TestSignInsAreLookedAt(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		show := w.credentials()["sign-in"]
		server, _ := w.leasing(false)
		for range 3 {
			w.clock.advance(signInIdle - time.Second)
			if err := show(server); err != nil {
				t.Fatalf("a sign-in in use: %v", err)
			}
		}
		w.clock.advance(signInIdle)
		sameError(t, "after it was idle", show(server), core.ErrSignInOver)
	})
}

// A credential that is shown again is not read again; one that was revoked is
// refused by the server that did it, and by one beside it, as soon as that was
// acknowledged.
func TestLeasesEndWithRevocation(t *testing.T) {
	t.Parallel()
	for kind, ways := range revocations {
		for name, revoke := range ways {
			for _, at := range []string{"the same server", "another server", "a command"} {
				t.Run(kind+" "+name+" at "+at, func(t *testing.T) {
					t.Parallel()
					w := newWorld(t)
					show := w.credentials()[kind]
					shared := at != "the same server"
					server, count := w.leasing(shared)
					if err := show(server); err != nil {
						t.Fatal(err)
					}
					count.wantLeased(t, func() error { return show(server) })
					actor := server
					switch at {
					case "another server":
						actor, _ = w.leasing(shared)
					case "a command":
						actor = core.New(core.Options{Store: w.store, Vault: w.vault, Now: w.clock.Now, PasswordCost: cheap, Shared: true})
					}
					if err := revoke(t.Context(), actor); err != nil {
						t.Fatal(err)
					}
					if err := show(server); core.KindOf(err) != core.Unauthenticated || err == nil {
						t.Errorf("shown once it was revoked: %v, want that it is refused", err)
					}
				})
			}
		}
	}
}

// What holds for a time does so to the moment, whatever lease there is on it.
func TestLeasesAreLookedAt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	ends := w.clock.Now().Add(time.Minute)
	must(w.AddAccount(ctx, operator, core.NewAccount{Login: "ada", Email: email, Password: ownPassword}))
	token := must(w.AddToken(ctx, operator, core.NewToken{Account: "ada", Name: "sdk", Use: core.UseWaldur, ExpiresAt: ends})).Reveal()
	server, _ := w.leasing(false)
	show := func() error { return second(server.AuthenticateToken(ctx, core.UseWaldur, token, portal)) }
	if err := show(); err != nil {
		t.Fatal(err)
	}
	w.clock.advance(time.Minute - time.Microsecond)
	if err := show(); err != nil {
		t.Errorf("a microsecond before its end: %v", err)
	}
	w.clock.advance(2 * time.Microsecond)
	sameError(t, "past its end", show(), core.ErrTokenExpired)
}

// What is asked for most takes one statement, and no transaction.
func TestHotReadsAreOneStatement(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cards := w.credentials()
	ctx, by := t.Context(), w.actor("ada")
	k := w.addKey(by.Account(), "laptop", testKey(t, 1))
	sum := k.Public.SHA256()
	byFingerprint := core.KeyQuery{Where: core.HasFingerprint(sshkey.Fingerprint{Hash: sshkey.HashSHA256, Sum: sum[:]}), Page: core.Page{Limit: 10}}
	for what, read := range map[string]shown{
		"a key": func(s *core.Service) error { return second(s.KeyEntry(ctx, by, k.UUID, nil)) },
		"a key by its fingerprint": func(s *core.Service) error {
			_, n, err := s.KeyEntries(ctx, by, byFingerprint)
			if n != 1 {
				t.Errorf("%d keys of the fingerprint, want one", n)
			}
			return err
		},
		"authorized keys": func(s *core.Service) error {
			return second(s.AuthorizedKeys(ctx, operator, "ada", sshkey.Fingerprint{}))
		},
		"an account": func(s *core.Service) error { return second(s.AccountRef(ctx, by, "ada")) },
		"a token":    cards["token"],
		"an API key": cards["api key"],
		"settings":   func(s *core.Service) error { return second(s.FaceSettings(ctx, "waldur")) },
	} {
		server, count := w.leasing(false)
		if err := read(server); err != nil || count.n.Load() != 1 {
			t.Errorf("%s is read in %d runs (%v), want one", what, count.n.Load(), err)
		}
	}
}

// A token that lasts for a time after its last use has that written down once,
// not with each request of the lease.
func TestLeasesAreRenewed(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		newAda(w)
		ctx := t.Context()
		server, count := w.leasing(true)
		token := must(server.LoginToken(ctx, w.actor("ada"), core.UseWaldur, time.Hour)).Reveal()
		show := func() time.Time {
			by := must(server.AuthenticateToken(ctx, core.UseWaldur, token, portal))
			return must(server.OwnToken(ctx, by)).UsedAt
		}
		show()
		w.clock.advance(40 * time.Minute)
		if used := show(); !used.Equal(core.Moment(w.clock.Now())) {
			t.Errorf("used at %v, want now, %v", used, core.Moment(w.clock.Now()))
		}
		w.clock.advance(40 * time.Minute)
		show()
		show()
		before := count.n.Load()
		if show(); count.n.Load() > before+1 {
			t.Errorf("%d snapshots for a token in use, want that of the question alone", count.n.Load()-before)
		}
	})
}

// A face finds what it is set to as soon as that was acknowledged, also where
// another server or a command has set it.
func TestSettingsAreThoseOfNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, count := w.leasing(true)
	other, _ := w.leasing(true)
	read := func() string { return must(server.FaceSettings(t.Context(), "raidboxes")) }
	if got := read(); got != "" {
		t.Fatalf("settings %q, want none yet", got)
	}
	count.wantLeased(t, func() error { read(); return nil })
	for _, text := range []string{`{"a":1}`, `{"a":2}`} {
		must(other.Apply(t.Context(), operator, core.Desired{Settings: map[string]string{"raidboxes": text}}, false))
		if got := read(); got != text {
			t.Errorf("settings %q, want %q, which is what they were set to", got, text)
		}
	}
}
