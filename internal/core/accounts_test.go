package core_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"keyrack/internal/core"
	"keyrack/internal/sshkey"
)

func TestAddAccount(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		made := w.account(core.NewAccount{
			Login: "Ada.L_1@x+y-z", Name: "Ada Läuft", Email: "ada@example.org", Roles: core.Roles{Support: true}, Password: "a long password",
		})
		now := core.Moment(w.clock.Now())
		want := core.Account{
			ID: made.ID, UUID: made.UUID, ShortID: made.ShortID, Login: "Ada.L_1@x+y-z", Name: "Ada Läuft", Email: "ada@example.org",
			FirstName: "Ada", LastName: "Läuft",
			Roles: core.Roles{Support: true}, PasswordHash: made.PasswordHash, CreatedAt: now, UpdatedAt: now,
		}
		if diff := cmp.Diff(want, made, exactly); diff != "" || made.UUID.Version() != 7 || len(made.ShortID) != 8 {
			t.Errorf("AddAccount = %v, %q (-want +got):\n%s", made.UUID, made.ShortID, diff)
		}
		got, err := w.AccountRef(t.Context(), operator, made.UUID.String())
		if diff := cmp.Diff(want, got, exactly); diff != "" || err != nil {
			t.Errorf("AccountRef after AddAccount: %v (-want +got):\n%s", err, diff)
		}
		if e := w.event("account.add"); e.Object != "account "+made.UUID.String() || e.ActorKind != core.ActorOperator || e.ActorName != "olga" || e.Face != "cli" {
			t.Errorf("audit event = %+v, want that the operator added the account", e)
		}
	})
}

func TestAddAccountRefuses(t *testing.T) {
	t.Parallel()
	const badLogin = "login: must be 1 to 100 letters, digits or . _ @ + - and begin with a letter, digit or _"
	const badEmail = "email: must be one address, as ada@example.org"
	tests := map[string]struct {
		in     core.NewAccount
		kind   core.Kind
		fields []string
	}{
		"no login":                 {core.NewAccount{}, core.Invalid, []string{badLogin}},
		"login of 101":             {core.NewAccount{Login: strings.Repeat("a", 101)}, core.Invalid, []string{badLogin}},
		"login that is a flag":     {core.NewAccount{Login: "-oProxyCommand=x"}, core.Invalid, []string{badLogin}},
		"login that is a path":     {core.NewAccount{Login: "../ada"}, core.Invalid, []string{badLogin}},
		"login with a blank":       {core.NewAccount{Login: "ada l"}, core.Invalid, []string{badLogin}},
		"login with a line end":    {core.NewAccount{Login: "ada\n"}, core.Invalid, []string{badLogin}},
		"login with a zero byte":   {core.NewAccount{Login: "ada\x00"}, core.Invalid, []string{badLogin}},
		"login in Cyrillic":        {core.NewAccount{Login: "аda"}, core.Invalid, []string{badLogin}},
		"login with a Kelvin sign": {core.NewAccount{Login: "\u212Aate"}, core.Invalid, []string{badLogin}},
		"login that is taken":      {core.NewAccount{Login: "TAKEN"}, core.Conflict, []string{"login: is already taken"}},
		"name that steers a terminal": {
			core.NewAccount{Login: "a", Name: "A\x1b[2J"}, core.Invalid, []string{"name: must not hold control characters"},
		},
		"name that turns text around": {
			core.NewAccount{Login: "a", Name: "A\u202e"}, core.Invalid, []string{"name: must not hold control characters"},
		},
		"name that is no text": {core.NewAccount{Login: "a", Name: "\xff"}, core.Invalid, []string{"name: must be valid UTF-8"}},
		"name of 256":          {core.NewAccount{Login: "a", Name: strings.Repeat("ä", 256)}, core.Invalid, []string{"name: must have at most 255 characters"}},
		"e-mail of nobody":     {core.NewAccount{Login: "a", Email: "@"}, core.Invalid, []string{badEmail}},
		"e-mail without host":  {core.NewAccount{Login: "a", Email: "ada"}, core.Invalid, []string{badEmail}},
		"two e-mails":          {core.NewAccount{Login: "a", Email: "a@example.org, b@example.org"}, core.Invalid, []string{badEmail}},
		"e-mail with a name":   {core.NewAccount{Login: "a", Email: "Ada <a@example.org>"}, core.Invalid, []string{badEmail}},
		"e-mail with a header": {
			core.NewAccount{Login: "a", Email: "a@example.org\r\nBcc: b@example.org"}, core.Invalid,
			[]string{"email: must not hold control characters", badEmail},
		},
		"all of it": {
			core.NewAccount{Name: "\x07", Email: "x"}, core.Invalid, []string{badLogin, "name: must not hold control characters", badEmail},
		},
	}
	w := newWorld(t)
	w.account(core.NewAccount{Login: "taken"})
	before := w.dump()
	for name, tt := range tests {
		_, err := w.AddAccount(t.Context(), operator, tt.in)
		wantError(t, name, err, tt.kind, tt.fields...)
	}
	w.unchanged("refused accounts", before)
}

// Fifty at once want one login.
func TestAddAccountAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		logins := []string{"ada", "ADA", "Ada"}
		oneWins(t, atOnce(50, func(i int) error {
			return second(w.AddAccount(t.Context(), operator, core.NewAccount{Login: logins[i%3]}))
		}), "login: is already taken")
	})
}

// oneWins checks that all but one had a Conflict with this field.
func oneWins(t *testing.T, errs []error, field string) {
	t.Helper()
	done := 0
	for _, err := range errs {
		if err == nil {
			done++
			continue
		}
		wantError(t, "one who came too late", err, core.Conflict, field)
	}
	if done != 1 {
		t.Errorf("%d of %d at once were done, want one", done, len(errs))
	}
}

// Who cannot see an account cannot find out that it is there, not even by an
// e-mail that two have.
func TestAccountRefTellsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account(core.NewAccount{Login: "ada", Email: "both@example.org"})
	w.account(core.NewAccount{Login: "bob", Email: "both@example.org"})
	w.account(core.NewAccount{Login: "eve"})
	for _, by := range []core.Actor{{}, visitor, w.actor("eve"), w.bearer("ada", core.UseHost)} {
		for _, ref := range []string{"ada", "both@example.org", "nobody", "", "\x00", "\xff", uuid.NewString()} {
			_, err := w.AccountRef(t.Context(), by, ref)
			wantError(t, "AccountRef by "+by.Kind().String(), err, core.NotFound)
			if want := "no account has this login, UUID or e-mail"; err.Error() != want {
				t.Errorf("AccountRef(%q) = %q, want %q", ref, err, want)
			}
			if _, err := w.Tokens(t.Context(), by, ref); err == nil || err.Error() != "no account has this login, UUID or e-mail" {
				t.Errorf("Tokens(%q) = %v, want the same as for nobody's", ref, err)
			}
		}
	}
	_, err := w.AccountRef(t.Context(), operator, "both@example.org")
	wantError(t, "AccountRef of two by the operator", err, core.Conflict)
}

func TestAccountsList(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		for _, login := range []string{"bob", "Carol", "ada"} {
			w.account(core.NewAccount{Login: login})
		}
		for _, tt := range []struct {
			page core.Page
			want []string
		}{
			{core.Page{}, []string{"ada", "bob", "Carol"}},
			{core.Page{Limit: 2}, []string{"ada", "bob"}},
			{core.Page{Offset: 2, Limit: 2}, []string{"Carol"}},
			{core.Page{Offset: -1, Limit: -1}, []string{"ada", "bob", "Carol"}},
		} {
			list, n, err := w.Accounts(t.Context(), operator, core.AccountQuery{Page: tt.page})
			var got []string
			for _, a := range list {
				got = append(got, a.Login)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || n != 3 || err != nil {
				t.Errorf("Accounts(%+v): %d, %v (-want +got):\n%s", tt.page, n, err, diff)
			}
		}
	})
}

// A locked account is refused everywhere from then on, and let in again after.
func TestSetAccountDisabled(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		ada := w.account(core.NewAccount{Login: "ada", Password: "a long password"})
		w.addKey(ada.ID, "laptop", testKey(t, 1))
		token := must(w.AddToken(t.Context(), operator, core.NewToken{Account: "ada", Name: "t", Use: core.UseForeman}))
		host := must(w.AddToken(t.Context(), operator, core.NewToken{Account: "ada", Name: "h", Use: core.UseHost}))
		ways := map[string]func() bool{
			"password": func() bool {
				return second(w.AuthenticatePassword(t.Context(), "ada", "a long password", core.Origin{})) == nil
			},
			"token": func() bool {
				return second(w.AuthenticateToken(t.Context(), core.UseForeman, token.Reveal(), core.Origin{})) == nil
			},
			"host token": func() bool {
				return second(w.AuthenticateToken(t.Context(), core.UseHost, host.Reveal(), core.Origin{})) == nil
			},
			"key": func() bool {
				return len(must(w.AuthorizedKeys(t.Context(), operator, "ada", sshkey.Fingerprint{}))) == 1
			},
		}
		for _, disabled := range []bool{true, false} {
			w.clock.advance(time.Minute)
			got, err := w.SetAccountDisabled(t.Context(), operator, ada.UUID, disabled)
			if err != nil || got.Disabled != disabled || !got.UpdatedAt.Equal(core.Moment(w.clock.Now())) {
				t.Errorf("SetAccountDisabled(%v) = %+v, %v", disabled, got, err)
			}
			for way, open := range ways {
				if open() == disabled {
					t.Errorf("%s of an account with disabled=%v is let in: %v", way, disabled, !disabled)
				}
			}
			before := w.dump()
			if _, err := w.SetAccountDisabled(t.Context(), operator, ada.UUID, disabled); err != nil {
				t.Errorf("SetAccountDisabled(%v) again: %v", disabled, err)
			}
			w.unchanged("SetAccountDisabled again", before)
		}
		if on, off := w.events("account.enable"), w.events("account.disable"); len(on) != 1 || len(off) != 1 {
			t.Errorf("audit events = %+v, %+v; want one each", on, off)
		}
	})
}

// One administrator at least stays: nobody locks himself out, nor in again.
func TestNobodyDisablesHimself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	amy := w.account(core.NewAccount{Login: "amy", Roles: core.Roles{Admin: true}})
	by := w.actor("amy")
	_, err := w.SetAccountDisabled(t.Context(), by, amy.UUID, true)
	wantError(t, "locking oneself out", err, core.Conflict)
	must(w.SetAccountDisabled(t.Context(), operator, amy.UUID, true))
	_, err = w.SetAccountDisabled(t.Context(), by, amy.UUID, false)
	wantError(t, "letting oneself in again", err, core.Conflict)
}

func TestAccountExpires(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	end := w.clock.Now().Add(time.Hour)
	w.apply(core.Desired{Accounts: []core.DesiredAccount{{
		Login: "ada", ExpiresAt: end, Keys: []core.DesiredKey{{Name: "k", PublicKey: keyText}},
	}}})
	token := must(w.AddToken(t.Context(), operator, core.NewToken{Account: "ada", Name: "t", Use: core.UseWaldur}))
	w.clock.advance(time.Hour - time.Microsecond)
	for _, want := range []bool{true, false} {
		_, err := w.AuthenticateToken(t.Context(), core.UseWaldur, token.Reveal(), core.Origin{})
		keys := must(w.AuthorizedKeys(t.Context(), operator, "ada", sshkey.Fingerprint{}))
		if (err == nil) != want || (len(keys) == 1) != want {
			t.Errorf("at %v of an account that expires at %v: token %v, keys %v; want in: %v", w.clock.Now(), end, err, keys, want)
		}
		w.clock.advance(time.Microsecond)
	}
}
