package core_test

import (
	"context"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/pquerna/otp/totp"

	"keyrack/internal/core"
	"keyrack/internal/jwt"
	"keyrack/internal/password"
	"keyrack/internal/store/storetest"
	"keyrack/internal/vault"
)

const email = "ada@example.org"

var portal = core.Origin{Face: "raidboxes"}

// code is what an app shows at a moment that was told this otpauth URI.
func code(t testing.TB, uri vault.Secret, at time.Time) string {
	t.Helper()
	u := must(url.Parse(uri.Reveal()))
	return must(totp.GenerateCode(u.Query().Get("secret"), at))
}

// logIn gives the token of a login that must succeed.
func (w *world) logIn(in core.Credentials) string {
	w.t.Helper()
	issued, err := w.LogIn(w.t.Context(), in, portal)
	if err != nil {
		w.t.Fatalf("LogIn(%q): %v", in.Email, err)
	}
	return issued.Token.Reveal()
}

func (w *world) refresh(token string) string {
	w.t.Helper()
	issued, err := w.RefreshTicket(w.t.Context(), token, portal)
	if err != nil {
		w.t.Fatalf("RefreshTicket: %v", err)
	}
	return issued.Token.Reveal()
}

// counts checks whether a token is taken, for requests and, the same, for a
// refresh.
func (w *world) counts(what, token string, want bool) {
	w.t.Helper()
	by, err := w.AuthenticateTicket(w.t.Context(), token, portal)
	_, again := w.over(rehearsal{w.store}).RefreshTicket(w.t.Context(), token, portal)
	if !want {
		wantError(w.t, what, err, core.Unauthenticated)
		wantError(w.t, what+", refreshed", again, core.Unauthenticated)
		if by != (core.Actor{}) {
			w.t.Errorf("%s: actor %+v, want nobody", what, by)
		}
		return
	}
	if err != nil || again != nil || by.Kind() != core.ActorAccount || by.Origin() != portal {
		w.t.Errorf("%s: AuthenticateTicket = %+v, %v; RefreshTicket %v; want both done", what, by, err, again)
	}
}

func newAda(w *world) core.Account {
	w.t.Helper()
	return w.account(core.NewAccount{Login: "ada", Email: email, Password: ownPassword, Roles: core.Roles{Admin: true}})
}

var adas = core.Credentials{Email: email, Password: ownPassword}

func TestLogIn(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		ada := newAda(w)
		issued, err := w.LogIn(t.Context(), core.Credentials{Email: "ADA@example.org", Password: ownPassword, Code: "no code is asked for"}, portal)
		if err != nil || issued.Account.ID != ada.ID {
			t.Fatalf("LogIn = %+v, %v; want ada", issued, err)
		}
		by, err := w.AuthenticateTicket(t.Context(), issued.Token.Reveal(), portal)
		if err != nil || by.Account() != ada.ID || by.Name() != "ada" {
			t.Errorf("AuthenticateTicket = %+v, %v; want ada", by, err)
		}
		// An administrator at the portal is its own account and no more.
		bob := w.account(core.NewAccount{Login: "bob"})
		k := w.addKey(bob.ID, "bob's", testKey(t, 1))
		err = w.RemoveKey(t.Context(), by, k.UUID, "")
		wantError(t, "RemoveKey of another's by an administrator's ticket", err, core.NotFound)
		if e := w.event("ticket.add"); e.Account != ada.ID || e.Object != "account "+ada.UUID.String() || e.Detail != "password" || e.Face != "raidboxes" {
			t.Errorf("audit event = %+v, want that ada logged in", e)
		}
	})
}

func TestLogInRefuses(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		newAda(w)
		secret := vault.NewSecret[string]
		w.apply(core.Desired{Accounts: []core.DesiredAccount{
			{Login: "none", Email: "none@example.org"},
			{Login: "locked", Email: "locked@example.org", Password: secret(ownPassword), Disabled: true},
			{Login: "late", Email: "late@example.org", Password: secret(ownPassword), ExpiresAt: w.clock.Now()},
			{Login: "twin1", Email: "twins@example.org", Password: secret(ownPassword)},
			{Login: "twin2", Email: "Twins@example.org", Password: secret("another long password")},
			{Login: "host", Email: "host@example.org", Tokens: []core.DesiredToken{
				{Name: "h", Use: core.UseHost, Secret: secret("keyrack_host_0123456789abcdefghijkl")},
				{Name: "r", Use: core.UseRaidboxes, Secret: secret("keyrack_raidboxes_0123456789abcd")},
			}},
		}})
		tests := map[string]core.Credentials{
			"wrong password":               {Email: email, Password: "correct-horse-batterz"},
			"no password":                  {Email: email},
			"login for e-mail":             {Email: "ada", Password: ownPassword},
			"unknown e-mail":               {Email: "bob@example.org", Password: ownPassword},
			"no e-mail":                    {Password: ownPassword},
			"e-mail no database takes":     {Email: "a\x00@b", Password: ownPassword},
			"e-mail that is no text":       {Email: "\xff@b", Password: ownPassword},
			"two e-mails":                  {Email: email + "," + email, Password: ownPassword},
			"wildcard":                     {Email: "%@example.org", Password: ownPassword},
			"account without a password":   {Email: "none@example.org", Password: ownPassword},
			"the same, with none":          {Email: "none@example.org"},
			"locked out":                   {Email: "locked@example.org", Password: ownPassword},
			"expired":                      {Email: "late@example.org", Password: ownPassword},
			"e-mail of two, one's word":    {Email: "twins@example.org", Password: ownPassword},
			"e-mail of two, other's":       {Email: "twins@example.org", Password: "another long password"},
			"token for another use":        {Email: "host@example.org", Password: "keyrack_host_0123456789abcdefghijkl"},
			"application password of host": {Email: email, Password: "keyrack_raidboxes_0123456789abcd"},
			"a megabyte":                   {Email: email, Password: strings.Repeat("x", 1<<20)},
			"zero byte behind":             {Email: email, Password: ownPassword + "\x00"},
		}
		before := w.dump()
		for name, in := range tests {
			issued, err := w.LogIn(t.Context(), in, portal)
			wantError(t, name, err, core.Unauthenticated)
			if err.Error() != "the credential does not hold" || !issued.Token.IsZero() || issued.Account.ID != 0 {
				t.Errorf("%s = %+v, %q; want the one answer for all", name, issued, err)
			}
		}
		w.unchanged("refused logins", before)
	})
}

// With each of an e-mail, the work is one hash: what is there cannot be told
// from the time. Not parallel: it counts what all goroutines take.
func TestUnknownEmailsCostAsMuch(t *testing.T) { //nolint:paralleltest // counts the process' memory
	const kib = 16 * 1024
	s := core.New(core.Options{Store: storetest.SQLite(t), Vault: newVault(t), PasswordCost: password.Cost{Time: 1, Memory: kib, Threads: 1}})
	for login, address := range map[string]string{"ada": email, "locked": "locked@x.org", "twin1": "twins@x.org", "twin2": "twins@x.org"} {
		a := must(s.AddAccount(t.Context(), operator, core.NewAccount{Login: login, Email: address, Password: ownPassword}))
		must(s.SetAccountDisabled(t.Context(), operator, a.UUID, login == "locked"))
	}
	must(s.AddAccount(t.Context(), operator, core.NewAccount{Login: "none", Email: "none@x.org"}))
	for name, in := range map[string]core.Credentials{
		"right password": adas, "wrong password": {Email: email, Password: "wrong"},
		"unknown e-mail": {Email: "bob@x.org", Password: "wrong"}, "no e-mail": {Email: "x", Password: "wrong"},
		"no password": {Email: "none@x.org", Password: "wrong"}, "locked out": {Email: "locked@x.org", Password: ownPassword},
		"of two": {Email: "twins@x.org", Password: ownPassword}, "too long": {Email: email, Password: strings.Repeat("x", 1<<20)},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := s.LogIn(t.Context(), in, portal)
		runtime.ReadMemStats(&after)
		if (err == nil) != (name == "right password") {
			t.Errorf("%s: %v", name, err)
		}
		if hashes := float64(after.TotalAlloc-before.TotalAlloc) / (kib * 1024); hashes < 1 || hashes > 1.5 {
			t.Errorf("%s took the memory of %.2f hashes, want one", name, hashes)
		}
	}
}

// An e-mail that several have lets in the one who is able to log in, if there
// is one only, and whoever has an application password.
func TestLogInByASharedEmail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := newAda(w)
	w.apply(core.Desired{Accounts: []core.DesiredAccount{
		{Login: "old", Email: email, Password: vault.NewSecret(ownPassword), Disabled: true},
		{Login: "service", Email: email},
	}})
	if by, err := w.AuthenticateTicket(t.Context(), w.logIn(adas), portal); err != nil || by.Account() != ada.ID {
		t.Errorf("the password's owner = %+v, %v; want ada", by, err)
	}
	secret := must(w.AddToken(t.Context(), operator, core.NewToken{Account: "service", Name: "app", Use: core.UseRaidboxes}))
	token := w.logIn(core.Credentials{Email: email, Password: secret.Reveal()})
	if by, err := w.AuthenticateTicket(t.Context(), token, portal); err != nil || by.Name() != "service" {
		t.Errorf("the application password's owner = %+v, %v; want service", by, err)
	}
}

// A ticket ends with its time, with its account's, and with the credential it
// was got with.
func TestTicketsEnd(t *testing.T) {
	t.Parallel()
	ends := map[string]func(w *world, ada core.Account) error{
		"an hour": func(w *world, _ core.Account) error { w.clock.advance(time.Hour); return nil },
		"disabled": func(w *world, a core.Account) error {
			return second(w.SetAccountDisabled(w.t.Context(), operator, a.UUID, true))
		},
		"disabled and enabled": func(w *world, a core.Account) error {
			must(w.SetAccountDisabled(w.t.Context(), operator, a.UUID, true))
			return second(w.SetAccountDisabled(w.t.Context(), operator, a.UUID, false))
		},
		"disabled and enabled by apply": func(w *world, _ core.Account) error {
			for _, disabled := range []bool{true, false} {
				w.apply(core.Desired{Accounts: []core.DesiredAccount{{Login: "ada", Email: email, Disabled: disabled}}})
			}
			return nil
		},
		"expired account": func(w *world, _ core.Account) error {
			w.apply(core.Desired{Accounts: []core.DesiredAccount{{Login: "ada", ExpiresAt: w.clock.Now()}}})
			return nil
		},
		"another password": func(w *world, a core.Account) error {
			return w.SetPassword(w.t.Context(), operator, a.UUID, "another long password")
		},
		"the same password, set anew": func(w *world, a core.Account) error {
			return w.SetPassword(w.t.Context(), operator, a.UUID, ownPassword)
		},
		"another password by apply": func(w *world, _ core.Account) error {
			w.apply(core.Desired{Accounts: []core.DesiredAccount{{Login: "ada", Password: vault.NewSecret("another long password")}}})
			return nil
		},
		"signing key gone": func(w *world, _ core.Account) error {
			return second(w.RotateSigningKey(w.t.Context(), operator, true))
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			ada := newAda(w)
			token := w.logIn(adas)
			w.counts("a new token", token, true)
			if err := end(w, ada); err != nil {
				t.Fatal(err)
			}
			w.counts("after "+name, token, false)
		})
	}
}

func TestApplicationPasswords(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		ada := newAda(w)
		w.secondFactor(ada)
		add := func(name string, end time.Time) string {
			return must(w.AddToken(t.Context(), operator, core.NewToken{Account: "ada", Name: name, Use: core.UseRaidboxes, ExpiresAt: end})).Reveal()
		}
		// No code is asked for, and the account's password is another matter.
		app := core.Credentials{Email: email, Password: add("app", time.Time{})}
		token := w.logIn(app)
		if e := w.event("ticket.add"); e.Detail != "application password" {
			t.Errorf("audit event = %+v, want that it was an application password", e)
		}
		if err := w.SetPassword(t.Context(), operator, ada.UUID, "another long password"); err != nil {
			t.Fatal(err)
		}
		w.counts("after the account's password changed", token, true)
		brief := w.logIn(core.Credentials{Email: email, Password: add("brief", w.clock.Now().Add(time.Minute))})
		w.clock.advance(time.Minute)
		w.counts("after its own end", brief, false)
		w.counts("when another has ended", token, true)
		if err := w.RemoveToken(t.Context(), operator, "ada", core.UseRaidboxes, "app"); err != nil {
			t.Fatal(err)
		}
		w.counts("after it was removed", token, false)
		_, err := w.LogIn(t.Context(), app, portal)
		wantError(t, "LogIn with a removed application password", err, core.Unauthenticated)
	})
}

func TestRefreshTicket(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		newAda(w)
		old := w.logIn(adas)
		w.clock.advance(time.Minute)
		next := w.refresh(old)
		if next == old {
			t.Fatal("RefreshTicket gave the same token, want another")
		}
		w.clock.advance(29 * time.Second)
		w.counts("the replaced token within its grace", old, true)
		if again := w.refresh(old); again != next {
			t.Error("refreshed twice within the grace, want the same successor: two must not come of one")
		}
		w.clock.advance(time.Second)
		w.counts("the replaced token after its grace", old, false)
		w.counts("its successor", next, true)
		w.clock.advance(58 * time.Minute)
		w.counts("the successor, an hour after the login", next, true)
		third := w.refresh(next)
		w.clock.advance(time.Minute)
		w.counts("the successor, replaced", next, false)
		w.counts("the third", third, true)
		if e := w.events("ticket.change"); len(e) != 2 || e[0].Detail != "refreshed" || e[0].ActorName != "ada" {
			t.Errorf("audit events = %+v, want two of ada's refreshes", e)
		}
	})
}

// Refreshing keeps somebody in for two weeks from the login, not for ever.
func TestRefreshTicketEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	newAda(w)
	token, start := w.logIn(adas), w.clock.Now()
	for w.clock.Now().Sub(start) < 14*24*time.Hour-30*time.Minute {
		w.clock.advance(30 * time.Minute)
		token = w.refresh(token)
	}
	w.clock.advance(30 * time.Minute)
	if _, err := w.AuthenticateTicket(t.Context(), token, portal); err != nil {
		t.Errorf("the last token of two weeks: %v, want it to count to its end", err)
	}
	_, err := w.RefreshTicket(t.Context(), token, portal)
	wantError(t, "RefreshTicket two weeks after the login", err, core.Unauthenticated)
}

// Two who refresh one token at once get one successor.
func TestRefreshTicketAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		newAda(w)
		old := w.logIn(adas)
		tokens := make([]string, 8)
		var all sync.WaitGroup
		for i := range tokens {
			all.Go(func() {
				issued, err := w.RefreshTicket(t.Context(), old, portal)
				if err != nil {
					t.Errorf("RefreshTicket: %v", err)
				}
				tokens[i] = issued.Token.Reveal()
			})
		}
		all.Wait()
		slices.Sort(tokens)
		if n := len(slices.Compact(tokens)); n != 1 {
			t.Errorf("%d tokens came of one, want 1", n)
		}
	})
}

// A token is good for nothing that its ticket is not there for: somebody who
// got hold of a signing key cannot make one, nor turn one into another's.
func TestSignedTokensWithoutATicket(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, bob := newAda(w), w.account(core.NewAccount{Login: "bob"})
	w.logIn(adas)
	var key []byte
	var ticket core.Ticket
	err := w.store.View(t.Context(), func(tx core.Tx) error {
		k := must(tx.SigningKeys())[0]
		key = must(w.vault.Unseal(k.Sealed, vault.Record{Kind: "signing_key", ID: k.UUID.String()}))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	claims := must(jwt.Verify(w.logIn(adas), [][]byte{key}, w.clock.Now()))
	ticket.UUID = uuid.MustParse(claims.ID)
	w.counts("a token like ours", must(jwt.Sign(claims, key)), true)
	for name, change := range map[string]func(c *jwt.Claims){
		"id of no ticket":           func(c *jwt.Claims) { c.ID = uuid.NewString() },
		"id that is no UUID":        func(c *jwt.Claims) { c.ID = "1" },
		"id in another spelling":    func(c *jwt.Claims) { c.ID = strings.ReplaceAll(c.ID, "-", "") },
		"another account":           func(c *jwt.Claims) { c.Subject = bob.ShortID },
		"login for the subject":     func(c *jwt.Claims) { c.Subject = ada.Login },
		"end beyond the ticket's":   func(c *jwt.Claims) { c.ExpiresAt = c.ExpiresAt.Add(-2 * time.Hour) },
		"subject that is no text":   func(c *jwt.Claims) { c.Subject = "\xff" },
		"subject in the lower case": func(c *jwt.Claims) { c.Subject = strings.ToLower(c.Subject) + "x" },
	} {
		forged := claims
		change(&forged)
		w.counts(name, must(jwt.Sign(forged, key)), false)
	}
	// The token may say what it likes of its end, the ticket's counts.
	long := claims
	long.ExpiresAt = long.ExpiresAt.AddDate(1, 0, 0)
	token := must(jwt.Sign(long, key))
	w.clock.advance(time.Hour)
	w.counts("a token made longer", token, false)
}

func TestSigningKeys(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		newAda(w)
		system := core.System("start")
		for range 2 {
			if err := w.EnsureSigningKey(t.Context(), system); err != nil {
				t.Fatal(err)
			}
		}
		keys := must(w.SigningKeys(t.Context(), operator))
		if len(keys) != 1 || keys[0].Sealed != nil || !keys[0].RetiredAt.IsZero() {
			t.Fatalf("SigningKeys = %+v, want one, without what is sealed", keys)
		}
		before := w.logIn(adas)
		made := must(w.RotateSigningKey(t.Context(), operator, false))
		after := w.logIn(adas)
		w.counts("a token of the earlier key", before, true)
		w.counts("a token of the new key", after, true)
		if keys = must(w.SigningKeys(t.Context(), operator)); len(keys) != 2 || keys[0].UUID != made.UUID || keys[1].RetiredAt.IsZero() {
			t.Errorf("SigningKeys = %+v, want the new one first and the other retired", keys)
		}
		w.clock.advance(time.Hour)
		n := must(w.PruneTickets(t.Context(), system))
		if keys = must(w.SigningKeys(t.Context(), operator)); n != 2 || len(keys) != 1 || keys[0].UUID != made.UUID {
			t.Errorf("an hour later %d tickets were removed and %+v is left; want both tickets and the retired key gone", n, keys)
		}
		// The log-in after all keys were lost makes one.
		err := w.store.Update(t.Context(), func(tx core.Tx) error { return tx.DeleteSigningKey(keys[0].ID) })
		if err != nil {
			t.Fatal(err)
		}
		w.counts("a token of the key made at the login", w.logIn(adas), true)
	})
}

// Several servers on one store take each other's tokens, also when they all
// start at once and none has a key.
func TestServersShareTickets(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		newAda(w)
		servers := []*core.Service{w.over(w.store), w.over(w.store), w.over(w.store)}
		var all sync.WaitGroup
		for _, s := range servers {
			all.Go(func() {
				if err := s.EnsureSigningKey(t.Context(), core.System("start")); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if keys := must(w.SigningKeys(t.Context(), operator)); len(keys) != 1 {
			t.Errorf("%d signing keys after three starts at once, want 1", len(keys))
		}
		token := must(servers[0].LogIn(t.Context(), adas, portal)).Token.Reveal()
		next := must(servers[1].RefreshTicket(t.Context(), token, portal)).Token.Reveal()
		for i, s := range servers {
			if by, err := s.AuthenticateTicket(t.Context(), next, portal); err != nil || by.Name() != "ada" {
				t.Errorf("server %d: %+v, %v; want ada", i, by, err)
			}
		}
		w.clock.advance(time.Minute)
		for i, s := range servers {
			_, err := s.AuthenticateTicket(t.Context(), token, portal)
			wantError(t, "a token refreshed away elsewhere, at server "+string(rune('0'+i)), err, core.Unauthenticated)
		}
	})
}

// A password whose hash was made at a lower cost is hashed anew when somebody
// logs in with it, and nobody is thrown out by that.
func TestLogInUpgradesTheHash(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		newAda(w)
		old := w.logIn(adas)
		dear := password.Cost{Time: 2, Memory: 128, Threads: 1}
		s := core.New(core.Options{Store: w.store, Vault: w.vault, Now: w.clock.Now, PasswordCost: dear})
		if _, err := s.LogIn(t.Context(), core.Credentials{Email: email, Password: "wrong"}, portal); err == nil {
			t.Fatal("logged in with a wrong password")
		}
		if h := must(w.AccountRef(t.Context(), operator, "ada")).PasswordHash; !strings.Contains(h, "m=64,t=1,p=1") {
			t.Errorf("hash after a wrong password = %q, want it as it was", h)
		}
		token := must(s.LogIn(t.Context(), adas, portal)).Token.Reveal()
		if h := must(w.AccountRef(t.Context(), operator, "ada")).PasswordHash; !strings.Contains(h, "m=128,t=2,p=1") {
			t.Errorf("hash after the login = %q, want it at the higher cost", h)
		}
		w.counts("a token from before", old, true)
		w.counts("the token of the login", token, true)
		if e := w.event("account.change"); e.Detail != "password hash" {
			t.Errorf("audit event = %+v, want what was changed", e)
		}
		// A server with lower settings leaves it.
		before := w.dump()
		must(w.AuthenticatePassword(t.Context(), "ada", ownPassword, portal))
		w.unchanged("a login at a server with lower settings", before)
	})
}

// Many who log in at once while the hash is upgraded all get in.
func TestUpgradesAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		newAda(w)
		s := core.New(core.Options{
			Store: w.store, Vault: w.vault, Now: w.clock.Now, PasswordCost: password.Cost{Time: 2, Memory: 128, Threads: 1},
		})
		var all sync.WaitGroup
		for range runtime.GOMAXPROCS(0) {
			all.Go(func() {
				if _, err := s.AuthenticatePassword(t.Context(), "ada", ownPassword, portal); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
}

// A password that changes between its check and the ticket gives none.
func TestLogInSeesWhatHappensMeanwhile(t *testing.T) {
	t.Parallel()
	for _, at := range []int{1, 2} { // before the account is looked at again, and before the ticket is made
		w := newWorld(t)
		ada := newAda(w)
		views := 0
		change := func() {
			if err := w.SetPassword(t.Context(), operator, ada.UUID, "another long password"); err != nil {
				t.Error(err)
			}
		}
		s := w.over(hookedBoth{w.store, func(isView bool) {
			if isView {
				views++
			}
			if isView && views == 2 && at == 1 || !isView && at == 2 {
				change()
			}
		}})
		_, err := s.LogIn(t.Context(), adas, portal)
		wantError(t, "LogIn while the password changes", err, core.Unauthenticated)
	}
}

// hookedBoth is a store that does something before each transaction.
type hookedBoth struct {
	core.Store
	before func(isView bool)
}

func (h hookedBoth) View(ctx context.Context, fn func(core.Tx) error) error {
	h.before(true)
	return h.Store.View(ctx, fn)
}

func (h hookedBoth) Update(ctx context.Context, fn func(core.Tx) error) error {
	h.before(false)
	return h.Store.Update(ctx, fn)
}

func (h hookedBoth) UpdateLocked(ctx context.Context, fn func(core.Tx) error) error {
	h.before(false)
	return h.Store.UpdateLocked(ctx, fn)
}

// Without the master key nothing can be signed, and nothing is let in.
func TestTicketsNeedTheVault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := newAda(w)
	token := w.logIn(adas)
	s := core.New(core.Options{Store: w.store, Now: w.clock.Now, PasswordCost: cheap})
	for what, err := range map[string]error{
		"LogIn":              second(s.LogIn(t.Context(), adas, portal)),
		"AuthenticateTicket": second(s.AuthenticateTicket(t.Context(), token, portal)),
		"RotateSigningKey":   second(s.RotateSigningKey(t.Context(), operator, true)),
		"EnrolSecondFactor":  second(s.EnrolSecondFactor(t.Context(), operator, ada.UUID)),
	} {
		wantError(t, what, err, core.Unavailable)
	}
	w.counts("the token, with the vault", token, true)
}
