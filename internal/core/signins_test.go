package core_test

import (
	"testing"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/vault"
)

const (
	signInIdle     = 30 * time.Minute
	personalSecret = "personal-token-of-forty-characters-00000"
	ownPassword    = "correct-horse-battery"
)

// signIn begins a sign-in of ada with a secret of hers.
func (w *world) signIn(secret string) vault.Secret {
	w.t.Helper()
	by, err := w.AuthenticateBasic(w.t.Context(), "ada", secret, core.Origin{Face: "foreman"})
	if err != nil {
		w.t.Fatalf("AuthenticateBasic: %v", err)
	}
	return must(w.SignIn(w.t.Context(), by))
}

func (w *world) resume(signIn vault.Secret) (core.Actor, error) {
	return w.ResumeSignIn(w.t.Context(), signIn.Reveal(), signInIdle, core.Origin{Face: "foreman"})
}

// adasToken makes ada's personal token what is wanted.
func (w *world) adasToken(t core.DesiredToken) {
	w.t.Helper()
	t.Name, t.Use = "t", core.UseForeman
	w.apply(core.Desired{Accounts: []core.DesiredAccount{{Login: "ada", Password: vault.NewSecret(ownPassword), Tokens: []core.DesiredToken{t}}}})
}

// A sign-in holds no longer than the personal token that began it, whatever ends
// that; one of the password, and one of another token, go on.
func TestSignInEndsWithItsToken(t *testing.T) {
	t.Parallel()
	revoke := func(w *world) {
		ada := must(w.AccountRef(w.t.Context(), operator, "ada"))
		for _, token := range must(w.UserTokens(w.t.Context(), operator, core.Scope{}, ada.ID)) {
			if token.Name == "t" {
				must(w.RevokeUserToken(w.t.Context(), operator, core.Scope{}, ada.ID, token.ID))
			}
		}
	}
	for name, end := range map[string]func(w *world){
		"its time passes": func(w *world) { w.clock.advance(20 * time.Minute) },
		"it is given a shorter time": func(w *world) {
			w.adasToken(core.DesiredToken{ExpiresAt: w.clock.Now().Add(-time.Second)})
		},
		"it is revoked": revoke,
		"it is removed": func(w *world) {
			if err := w.RemoveToken(w.t.Context(), operator, "ada", core.UseForeman, "t"); err != nil {
				w.t.Fatal(err)
			}
		},
		"it is taken away by apply": func(w *world) { w.adasToken(core.DesiredToken{Absent: true}) },
		"it has another secret": func(w *world) {
			w.adasToken(core.DesiredToken{Secret: vault.NewSecret("another-token-of-forty-characters-000000")})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, w *world) {
				w.adasToken(core.DesiredToken{Secret: vault.NewSecret(personalSecret), ExpiresAt: w.clock.Now().Add(20 * time.Minute)})
				other := must(w.AddToken(t.Context(), operator, core.NewToken{Account: "ada", Name: "other", Use: core.UseForeman}))
				its, others := w.signIn(personalSecret), []vault.Secret{w.signIn(ownPassword), w.signIn(other.Reveal())}
				w.clock.advance(5 * time.Minute)
				by, err := w.resume(its)
				if err != nil {
					t.Fatalf("while the token holds: %v", err)
				}
				again := must(w.SignIn(t.Context(), by)) // begun with a sign-in, not with the token itself
				end(w)
				for _, in := range []vault.Secret{its, again} {
					if _, err := w.resume(in); err != core.ErrSignInOver { //nolint:errorlint // core gives it as it is
						t.Errorf("after the token's end: %v, want %v", err, core.ErrSignInOver)
					}
				}
				for _, in := range others {
					if _, err := w.resume(in); err != nil {
						t.Errorf("a sign-in by another credential: %v", err)
					}
				}
			})
		})
	}
}

// A token that ends between the moment it is shown and that in which the sign-in
// is written down leaves none that would go on.
func TestSignInOfATokenThatJustEnded(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		w.adasToken(core.DesiredToken{Secret: vault.NewSecret(personalSecret)})
		by := must(w.AuthenticateBasic(t.Context(), "ada", personalSecret, core.Origin{}))
		w.adasToken(core.DesiredToken{Secret: vault.NewSecret("another-token-of-forty-characters-000000")})
		signIn := must(w.SignIn(t.Context(), by))
		if _, err := w.resume(signIn); err != core.ErrSignInOver { //nolint:errorlint // core gives it as it is
			t.Errorf("a sign-in by a secret that holds no longer: %v, want %v", err, core.ErrSignInOver)
		}
	})
}

// A token that lasts for a time after its last use is in use while a sign-in is
// that it has begun.
func TestSignInUsesItsToken(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		w.adasToken(core.DesiredToken{Secret: vault.NewSecret(personalSecret), Lifetime: time.Hour})
		signIn := w.signIn(personalSecret)
		for range 9 {
			w.clock.advance(20 * time.Minute)
			if _, err := w.resume(signIn); err != nil {
				t.Fatalf("a token in use: %v", err)
			}
		}
		w.clock.advance(signInIdle)
		if _, err := w.resume(signIn); err != core.ErrSignInOver { //nolint:errorlint // core gives it as it is
			t.Errorf("a sign-in that was idle: %v, want %v", err, core.ErrSignInOver)
		}
	})
}
