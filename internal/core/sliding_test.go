package core_test

import (
	"errors"
	"testing"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/vault"
)

func TestTokensSlide(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		const secret = "1111111111111111111111111111111111111111"
		w.apply(core.Desired{Accounts: []core.DesiredAccount{{Login: "ada", Tokens: []core.DesiredToken{
			{Name: "sdk", Use: core.UseWaldur, Secret: vault.NewSecret(secret), Lifetime: time.Hour},
		}}}})
		use := func() error {
			_, err := w.AuthenticateToken(t.Context(), core.UseWaldur, secret, core.Origin{})
			return err
		}
		usedAt := func() time.Time { return must(w.Tokens(t.Context(), operator, "ada"))[0].UsedAt }
		made := usedAt()
		w.clock.advance(29 * time.Minute)
		if err := use(); err != nil || !usedAt().Equal(made) {
			t.Errorf("after 29 minutes: %v, used at %v; want nothing written yet", err, usedAt())
		}
		w.clock.advance(2 * time.Minute)
		if err := use(); err != nil || !usedAt().Equal(core.Moment(w.clock.Now())) {
			t.Errorf("after 31 minutes: %v, used at %v; want now", err, usedAt())
		}
		for range 5 { // far beyond the first hour
			w.clock.advance(59 * time.Minute)
			if err := use(); err != nil {
				t.Fatalf("in use every 59 minutes: %v", err)
			}
		}
		w.clock.advance(time.Hour)
		if err := use(); !errors.Is(err, core.ErrTokenExpired) {
			t.Errorf("an hour after its last use: %v, want %v", err, core.ErrTokenExpired)
		}
	})
}

func TestLoginToken(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		w.account(core.NewAccount{Login: "ada", Password: "correct-horse-battery"})
		by, err := w.AuthenticatePassword(t.Context(), "ada", "correct-horse-battery", core.Origin{})
		if err != nil {
			t.Fatal(err)
		}
		login := func() string {
			secret, err := w.LoginToken(t.Context(), by, core.UseWaldur, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			return secret.Reveal()
		}
		first := login()
		w.clock.advance(59 * time.Minute)
		if got := login(); got != first {
			t.Errorf("LoginToken while the first holds = %q, want the same", got)
		}
		w.clock.advance(59 * time.Minute) // its time began anew
		actor, err := w.AuthenticateToken(t.Context(), core.UseWaldur, first, core.Origin{})
		if err != nil {
			t.Fatalf("AuthenticateToken: %v", err)
		}
		own, err := w.OwnToken(t.Context(), actor)
		if err != nil || own.Lifetime != time.Hour || own.Name != "login" {
			t.Errorf("OwnToken = %+v, %v; want the one of logging in", own, err)
		}
		w.clock.advance(time.Hour)
		second := login()
		if second == first {
			t.Error("LoginToken after the first has expired is the same, want another")
		}
		if _, err := w.AuthenticateToken(t.Context(), core.UseWaldur, first, core.Origin{}); core.KindOf(err) != core.Unauthenticated || errors.Is(err, core.ErrTokenExpired) {
			t.Errorf("the first one: %v, want that it is unknown", err)
		}
		actor = must(w.AuthenticateToken(t.Context(), core.UseWaldur, second, core.Origin{}))
		if err := w.EndToken(t.Context(), actor); err != nil {
			t.Fatal(err)
		}
		if err := w.EndToken(t.Context(), actor); err != nil {
			t.Errorf("EndToken twice: %v", err)
		}
		if _, err := w.AuthenticateToken(t.Context(), core.UseWaldur, second, core.Origin{}); core.KindOf(err) != core.Unauthenticated {
			t.Errorf("a token that was ended: %v, want that it is refused", err)
		}
	})
}

// The record tells who acted, also as another.
func TestImpersonate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(core.Desired{Accounts: []core.DesiredAccount{
		{Login: "root", Roles: core.Roles{Admin: true}}, {Login: "ada"}, {Login: "gone", Disabled: true},
	}})
	as, err := w.Impersonate(t.Context(), w.actor("root"), "ada")
	if err != nil || as.Name() != "ada" || as.Manages() || must2(as.Impersonator()) != "root" {
		t.Fatalf("Impersonate = %+v, %v; want ada without root's rights", as, err)
	}
	if _, err := w.AddKey(t.Context(), as, core.NewKey{Owner: as.Account(), Name: "k", Text: keyText}); err != nil {
		t.Fatal(err)
	}
	events := must(w.AuditEvents(t.Context(), operator, core.AuditQuery{Limit: 1}))
	if e := events[0]; e.ActorName != "ada" || e.Detail != mustParse(keyText).SHA256().String()+" (root acts as ada)" {
		t.Errorf("audit event %+v, want ada's, with root named", e)
	}
	if _, err := w.Impersonate(t.Context(), w.actor("root"), "gone"); !errors.Is(err, core.ErrAccountInactive) {
		t.Errorf("Impersonate a disabled account: %v, want %v", err, core.ErrAccountInactive)
	}
	_, err = w.Impersonate(t.Context(), w.actor("root"), "nobody")
	wantError(t, "Impersonate nobody", err, core.NotFound)
}

func must2[T, U any](v T, _ U) T { return v }
