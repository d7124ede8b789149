package core_test

import (
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/core"
	"keyrack/internal/vault"
)

// secondFactor gives an account a second factor that is asked for, and moves
// the clock to where its next code is not used yet.
func (w *world) secondFactor(a core.Account) (uri vault.Secret) {
	w.t.Helper()
	uri = must(w.EnrolSecondFactor(w.t.Context(), operator, a.UUID))
	if err := w.ConfirmSecondFactor(w.t.Context(), operator, a.UUID, code(w.t, uri, w.clock.Now())); err != nil {
		w.t.Fatalf("ConfirmSecondFactor: %v", err)
	}
	w.clock.advance(time.Minute)
	return uri
}

func withCode(code string) core.Credentials {
	return core.Credentials{Email: email, Password: ownPassword, Code: code}
}

func TestLogInWithASecondFactor(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		uri := w.secondFactor(newAda(w))
		now := w.clock.Now()
		refused := map[string]struct {
			in     core.Credentials
			kind   core.Kind
			fields []string
		}{
			"no code":                  {withCode(""), core.Invalid, []string{"code: is required"}},
			"five digits":              {withCode("12345"), core.Invalid, []string{"code: must be 6 digits"}},
			"seven digits":             {withCode("1234567"), core.Invalid, []string{"code: must be 6 digits"}},
			"letters":                  {withCode("12345a"), core.Invalid, []string{"code: must be 6 digits"}},
			"a sign":                   {withCode("+12345"), core.Invalid, []string{"code: must be 6 digits"}},
			"digits of another script": {withCode("١٢٣٤٥٦"), core.Invalid, []string{"code: must be 6 digits"}},
			"newline behind":           {withCode("123456\n"), core.Invalid, []string{"code: must be 6 digits"}},
			"two steps old":            {withCode(code(t, uri, now.Add(-time.Minute))), core.Unauthenticated, nil},
			"two steps early":          {withCode(code(t, uri, now.Add(time.Minute))), core.Unauthenticated, nil},
			"no code, wrong password":  {core.Credentials{Email: email, Password: "wrong"}, core.Unauthenticated, nil},
			"code, wrong password":     {core.Credentials{Email: email, Password: "wrong", Code: code(t, uri, now)}, core.Unauthenticated, nil},
			"bad code, wrong password": {core.Credentials{Email: email, Password: "wrong", Code: "x"}, core.Unauthenticated, nil},
		}
		before := w.dump()
		for name, tt := range refused {
			_, err := w.LogIn(t.Context(), tt.in, portal)
			wantError(t, name, err, tt.kind, tt.fields...)
		}
		w.unchanged("refused codes", before)
		w.logIn(withCode(code(t, uri, now.Add(-30*time.Second)))) // a step old
		w.logIn(withCode(code(t, uri, now)))
		_, err := w.LogIn(t.Context(), withCode(code(t, uri, now)), portal)
		wantError(t, "the same code again", err, core.Unauthenticated)
		_, err = w.LogIn(t.Context(), withCode(code(t, uri, now.Add(-30*time.Second))), portal)
		wantError(t, "a code older than one used", err, core.Unauthenticated)
		w.logIn(withCode(code(t, uri, now.Add(30*time.Second)))) // a step early
	})
}

// Of many who show one code at once, one is let in.
func TestCodesAreTakenOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		uri := w.secondFactor(newAda(w))
		in := withCode(code(t, uri, w.clock.Now()))
		var let atomic.Int32
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				_, err := w.LogIn(t.Context(), in, portal)
				switch {
				case err == nil:
					let.Add(1)
				case core.KindOf(err) != core.Unauthenticated:
					t.Errorf("LogIn: %v", err)
				}
			})
		}
		all.Wait()
		if let.Load() != 1 {
			t.Errorf("%d were let in with one code, want 1", let.Load())
		}
	})
}

func TestSecondFactors(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		ada, ctx := newAda(w), t.Context()
		_, err := w.SecondFactor(ctx, operator, ada.UUID)
		wantError(t, "SecondFactor where there is none", err, core.NotFound)
		err = w.ConfirmSecondFactor(ctx, operator, ada.UUID, "123456")
		wantError(t, "ConfirmSecondFactor where there is none", err, core.NotFound)

		lost := must(w.EnrolSecondFactor(ctx, operator, ada.UUID))
		uri := must(w.EnrolSecondFactor(ctx, operator, ada.UUID))
		u := must(url.Parse(uri.Reveal()))
		if q := u.Query(); u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/Keyrack:ada" || q.Get("issuer") != "Keyrack" ||
			q.Get("digits") != "6" || q.Get("period") != "30" || len(q.Get("secret")) != 32 {
			t.Errorf("EnrolSecondFactor gave %s, want what apps read", uri.Reveal())
		}
		w.logIn(adas) // nobody has shown to have it, so it is not asked for
		for name, wrong := range map[string]string{"no code": "", "wrong": "000000x", "of the one lost": code(t, lost, w.clock.Now())} {
			err := w.ConfirmSecondFactor(ctx, operator, ada.UUID, wrong)
			wantError(t, name, err, core.Invalid, "code: is not the one the app shows now; check the clock of its device")
		}
		if f := must(w.SecondFactor(ctx, operator, ada.UUID)); !f.ConfirmedAt.IsZero() || f.Sealed != nil {
			t.Errorf("SecondFactor = %+v, want one unconfirmed, without its seed", f)
		}
		if err := w.ConfirmSecondFactor(ctx, operator, ada.UUID, code(t, uri, w.clock.Now())); err != nil {
			t.Fatal(err)
		}
		_, err = w.LogIn(ctx, withCode(code(t, uri, w.clock.Now())), portal)
		wantError(t, "LogIn with the code that confirmed", err, core.Unauthenticated)
		_, err = w.EnrolSecondFactor(ctx, operator, ada.UUID)
		wantError(t, "EnrolSecondFactor again", err, core.Conflict)
		err = w.ConfirmSecondFactor(ctx, operator, ada.UUID, code(t, uri, w.clock.Now()))
		wantError(t, "ConfirmSecondFactor again", err, core.Conflict)

		if err := w.RemoveSecondFactor(ctx, operator, ada.UUID); err != nil {
			t.Fatal(err)
		}
		w.logIn(adas)
		for what, err := range map[string]error{
			"RemoveSecondFactor again":    w.RemoveSecondFactor(ctx, operator, ada.UUID),
			"RemoveSecondFactor of none":  w.RemoveSecondFactor(ctx, operator, uuid.New()),
			"EnrolSecondFactor of none":   second(w.EnrolSecondFactor(ctx, operator, uuid.New())),
			"ConfirmSecondFactor of none": w.ConfirmSecondFactor(ctx, operator, uuid.New(), "123456"),
		} {
			wantError(t, what, err, core.NotFound)
		}
		for action, n := range map[string]int{"totp.add": 2, "totp.enable": 1, "totp.remove": 1} {
			if got := w.events(action); len(got) != n || got[0].Object != "account "+ada.UUID.String() || got[0].Detail != "" {
				t.Errorf("audit events %s = %+v, want %d of ada's account", action, got, n)
			}
		}
	})
}

// A seed put into another account's row opens nothing: it is bound to its own.
func TestSeedsAreBoundToTheirAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := newAda(w)
	mallory := w.account(core.NewAccount{Login: "mallory", Email: "mallory@example.org", Password: ownPassword})
	w.secondFactor(ada)
	known := w.secondFactor(mallory)
	err := w.store.Update(t.Context(), func(tx core.Tx) error {
		own, hers := must(tx.SecondFactor(mallory.ID)), must(tx.SecondFactor(ada.ID))
		hers.Sealed = own.Sealed
		return tx.UpdateSecondFactor(hers)
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.LogIn(t.Context(), withCode(code(t, known, w.clock.Now())), portal); core.KindOf(err) != core.Internal || err == nil {
		t.Errorf("LogIn with a seed moved from another account: %v, want that it does not open", err)
	}
}
