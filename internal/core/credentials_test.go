package core_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/google/uuid"

	"keyrack/internal/core"
	"keyrack/internal/password"
	"keyrack/internal/store"
	"keyrack/internal/store/storetest"
	"keyrack/internal/vault"
)

func TestAuthenticatePassword(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		ada := w.account(core.NewAccount{Login: "ada", Email: "ada@example.org", Password: ownPassword})
		w.account(core.NewAccount{Login: "none"})
		w.account(core.NewAccount{Login: "locked", Password: ownPassword})
		w.apply(core.Desired{Accounts: []core.DesiredAccount{
			{Login: "locked", Disabled: true}, {Login: "late", Password: vault.NewSecret(ownPassword), ExpiresAt: w.clock.Now()},
		}})
		by, err := w.AuthenticatePassword(t.Context(), "ADA", ownPassword, core.Origin{Face: "foreman"})
		if err != nil || by.Account() != ada.ID || by.Kind() != core.ActorAccount || by.Name() != "ada" || by.Origin().Face != "foreman" {
			t.Errorf("AuthenticatePassword = %+v, %v; want the actor of ada", by, err)
		}
		tests := map[string]struct{ login, password string }{
			"wrong password":             {"ada", "correct-horse-batterz"},
			"password in other case":     {"ada", "CORRECT-HORSE-BATTERY"},
			"password cut off":           {"ada", ownPassword[:12]},
			"no password":                {"ada", ""},
			"zero byte behind":           {"ada", ownPassword + "\x00"},
			"e-mail for login":           {"ada@example.org", ownPassword},
			"UUID for login":             {ada.UUID.String(), ownPassword},
			"unknown login":              {"bob", ownPassword},
			"no login":                   {"", ownPassword},
			"login no database takes":    {"ada\x00", ownPassword},
			"login that is no text":      {"\xff", ownPassword},
			"account without a password": {"none", ""},
			"account without, any":       {"none", ownPassword},
			"account locked out":         {"locked", ownPassword},
			"account expired":            {"late", ownPassword},
			"a megabyte":                 {"ada", strings.Repeat("x", 1<<20)},
			"the hash itself":            {"ada", ada.PasswordHash},
		}
		for name, tt := range tests {
			by, err := w.AuthenticatePassword(t.Context(), tt.login, tt.password, core.Origin{})
			wantError(t, name, err, core.Unauthenticated)
			if by != (core.Actor{}) || err.Error() != "the credential does not hold" {
				t.Errorf("%s = %+v, %q; want nobody, and the one answer for all", name, by, err)
			}
		}
	})
}

// Whether a login is there must not show in the time, and so not in the work.
// A hash takes its memory anew, which can be counted. Not parallel: it counts
// what all goroutines take.
func TestUnknownLoginsCostAsMuch(t *testing.T) { //nolint:paralleltest // counts the process' memory
	const kib = 16 * 1024
	s := core.New(core.Options{Store: storetest.SQLite(t), PasswordCost: password.Cost{Time: 1, Memory: kib, Threads: 1}})
	for _, login := range []string{"ada", "locked"} {
		a := must(s.AddAccount(t.Context(), operator, core.NewAccount{Login: login, Password: "correct-horse-battery"}))
		must(s.SetAccountDisabled(t.Context(), operator, a.UUID, login == "locked"))
	}
	must(s.AddAccount(t.Context(), operator, core.NewAccount{Login: "none"}))
	tries := map[string][2]string{
		"right password": {"ada", "correct-horse-battery"}, "wrong password": {"ada", "wrong"},
		"unknown login": {"bob", "wrong"}, "impossible login": {"\x00", "wrong"}, "no password": {"none", "wrong"},
		"locked out": {"locked", "correct-horse-battery"}, "too long": {"ada", strings.Repeat("x", 1<<20)},
	}
	for name, try := range tries {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := s.AuthenticatePassword(t.Context(), try[0], try[1], core.Origin{})
		runtime.ReadMemStats(&after)
		if (err == nil) != (name == "right password") {
			t.Errorf("%s: %v", name, err)
		}
		if hashes := float64(after.TotalAlloc-before.TotalAlloc) / (kib * 1024); hashes < 1 || hashes > 1.5 {
			t.Errorf("%s took the memory of %.2f hashes, want one", name, hashes)
		}
	}
}

// A password that was changed, or an account locked, while the hash was being
// made, or waited for, lets nobody in.
func TestAuthenticatePasswordSeesWhatHappensMeanwhile(t *testing.T) {
	t.Parallel()
	meanwhile := map[string]func(w *world, ada core.Account) error{
		"password changed": func(w *world, ada core.Account) error {
			return w.SetPassword(w.t.Context(), operator, ada.UUID, "another long password")
		},
		"locked out": func(w *world, ada core.Account) error {
			return second(w.SetAccountDisabled(w.t.Context(), operator, ada.UUID, true))
		},
	}
	for name, happens := range meanwhile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			ada := w.account(core.NewAccount{Login: "ada", Password: "correct-horse-battery"})
			views := 0
			s := w.over(hooked{w.store, func() {
				if views++; views == 2 { // after the look-up, before the answer
					if err := happens(w, ada); err != nil {
						t.Error(err)
					}
				}
			}})
			_, err := s.AuthenticatePassword(t.Context(), "ada", "correct-horse-battery", core.Origin{})
			wantError(t, name, err, core.Unauthenticated)
			if views < 2 {
				t.Errorf("AuthenticatePassword looked %d times, want it to look again", views)
			}
		})
	}
}

// hooked is a store that does something before each View.
type hooked struct {
	core.Store
	before func()
}

func (h hooked) View(ctx context.Context, fn func(core.Tx) error) error {
	h.before()
	return h.Store.View(ctx, fn)
}

func TestPasswordRules(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		password string
		want     string
	}{
		"12 characters":          {"vkqzmwxhtbeu", ""},
		"12 characters of 2":     {"äöüßéèñçåøÿþ", ""},
		"256 bytes":              {strings.Repeat("vkqzmwxhtbeuplor", 16), ""},
		"blanks":                 {"  vk  qz  mw  ", ""},
		"guessed first":          {"Password1234!", "password: must not be one of those that are guessed first"},
		"11 characters":          {"abcdefghijk", "password: must have at least 12 characters"},
		"11 characters, 22 byte": {strings.Repeat("ä", 11), "password: must have at least 12 characters"},
		"257 bytes":              {strings.Repeat("x", 257), "password: must have at most 256 bytes"},
		"no text":                {strings.Repeat("\xff", 12), "password: must be valid UTF-8"},
	}
	w := newWorld(t)
	ada := w.account(core.NewAccount{Login: "ada"})
	for name, tt := range tests {
		set := w.SetPassword(t.Context(), operator, ada.UUID, tt.password)
		add := second(w.AddAccount(t.Context(), operator, core.NewAccount{Login: uuid.NewString()[:8], Password: tt.password}))
		_, apply := w.Apply(t.Context(), operator, core.Desired{Accounts: []core.DesiredAccount{{Login: "bob", Password: vault.NewSecret(tt.password)}}}, true)
		if tt.want == "" {
			_, in := w.AuthenticatePassword(t.Context(), "ada", tt.password, core.Origin{})
			if set != nil || add != nil || apply != nil || in != nil {
				t.Errorf("%s: SetPassword %v, AddAccount %v, Apply %v, AuthenticatePassword %v; want all done", name, set, add, apply, in)
			}
			continue
		}
		wantError(t, name+" by SetPassword", set, core.Invalid, tt.want)
		wantError(t, name+" by AddAccount", add, core.Invalid, tt.want)
		wantError(t, name+" by Apply", apply, core.Invalid, "accounts[0]."+tt.want)
	}
}

func TestSetPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.account(core.NewAccount{Login: "ada", Password: "the old password"})
	w.clock.advance(time.Minute)
	if err := w.SetPassword(t.Context(), operator, ada.UUID, "the new password"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.AuthenticatePassword(t.Context(), "ada", "the new password", core.Origin{}); err != nil {
		t.Errorf("AuthenticatePassword with the new password: %v", err)
	}
	_, err := w.AuthenticatePassword(t.Context(), "ada", "the old password", core.Origin{})
	wantError(t, "AuthenticatePassword with the old password", err, core.Unauthenticated)
	got := must(w.AccountRef(t.Context(), operator, "ada"))
	params, salt, key, err := argon2id.DecodeHash(got.PasswordHash)
	if err != nil || len(salt) != 16 || len(key) != 32 ||
		params.Memory != cheap.Memory || params.Iterations != cheap.Time || params.Parallelism != cheap.Threads {
		t.Errorf("stored %q, %v; want argon2id with the configured cost", got.PasswordHash, err)
	}
	if !got.UpdatedAt.Equal(core.Moment(w.clock.Now())) {
		t.Errorf("UpdatedAt = %v, want now", got.UpdatedAt)
	}
	if e := w.event("password.set"); e.Object != "account "+ada.UUID.String() || e.Detail != "" {
		t.Errorf("audit event = %+v, want one without a detail", e)
	}
	err = w.SetPassword(t.Context(), operator, uuid.New(), "the new password")
	wantError(t, "SetPassword of nobody", err, core.NotFound)
}

// The cost that is used unless tests ask for another, as RFC 9106 recommends.
func TestDefaultPasswordCost(t *testing.T) {
	t.Parallel()
	s := core.New(core.Options{Store: storetest.SQLite(t)})
	a := must(s.AddAccount(t.Context(), operator, core.NewAccount{Login: "ada", Password: "correct-horse-battery"}))
	if want := "$argon2id$v=19$m=65536,t=3,p=4$"; !strings.HasPrefix(a.PasswordHash, want) {
		t.Errorf("stored hash = %q, want %s…", a.PasswordHash, want)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		ada := w.account(core.NewAccount{Login: "ada", Roles: core.Roles{Support: true}})
		end := w.clock.Now().Add(time.Hour)
		forms := map[core.TokenUse]string{
			core.UseWaldur:    `^[0-9a-f]{40}$`,
			core.UseForeman:   `^keyrack_foreman_[A-Za-z0-9_-]{43}$`,
			core.UseRaidboxes: `^keyrack_raidboxes_[A-Za-z0-9_-]{43}$`,
			core.UseHost:      `^keyrack_host_[A-Za-z0-9_-]{43}$`,
		}
		for _, use := range core.TokenUses {
			secret, err := w.AddToken(t.Context(), operator, core.NewToken{Account: "ada", Name: "t", Use: use, ExpiresAt: end})
			if err != nil {
				t.Fatalf("AddToken for %s: %v", use, err)
			}
			if !regexp.MustCompile(forms[use]).MatchString(secret.Reveal()) {
				t.Errorf("token for %s = %q, want %s", use, secret.Reveal(), forms[use])
			}
			for _, as := range core.TokenUses {
				by, err := w.AuthenticateToken(t.Context(), as, secret.Reveal(), core.Origin{Face: "f"})
				if as != use {
					wantError(t, string("token for "+use+" as for "+as), err, core.Unauthenticated)
					continue
				}
				kind, name, account := core.ActorAccount, "ada", ada.ID
				if use == core.UseHost {
					kind, name, account = core.ActorHost, "ada/t", 0
				}
				if err != nil || by.Kind() != kind || by.Name() != name || by.Account() != account || by.Origin().Face != "f" {
					t.Errorf("AuthenticateToken for %s = %+v, %v; want %s %q", use, by, err, kind, name)
				}
			}
			refusedWrongOrLate(t, w, use, secret.Reveal(), end)
		}
		list := must(w.Tokens(t.Context(), operator, "ada"))
		if len(list) != 4 || list[0].Use != core.UseForeman || !list[0].ExpiresAt.Equal(core.Moment(end)) {
			t.Errorf("Tokens = %+v, want the four, by use", list)
		}
		for _, e := range w.events("token.add") {
			if !strings.HasPrefix(e.Object, "token ") || e.Detail == "" {
				t.Errorf("audit event = %+v, want the token's id and use", e)
			}
		}
	})
}

// refusedWrongOrLate checks that a token is refused when slightly wrong, and from its
// end on.
func refusedWrongOrLate(t *testing.T, w *world, use core.TokenUse, secret string, end time.Time) {
	t.Helper()
	for _, wrong := range []string{"", secret[1:], secret + " ", strings.ToUpper(secret), "\x00", "\xff"} {
		_, err := w.AuthenticateToken(t.Context(), use, wrong, core.Origin{})
		wantError(t, "wrong token", err, core.Unauthenticated)
	}
	late := core.New(core.Options{Store: w.store, Now: func() time.Time { return end }})
	_, err := late.AuthenticateToken(t.Context(), use, secret, core.Origin{})
	wantError(t, "expired token", err, core.Unauthenticated)
}

func TestAddTokenRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account(core.NewAccount{Login: "ada"})
	must(w.AddToken(t.Context(), operator, core.NewToken{Account: "ada", Name: "taken", Use: core.UseWaldur}))
	before := w.dump()
	tests := map[string]struct {
		in     core.NewToken
		kind   core.Kind
		fields []string
	}{
		"no account":   {core.NewToken{Account: "bob", Name: "t", Use: core.UseWaldur}, core.NotFound, nil},
		"no name":      {core.NewToken{Account: "ada", Use: core.UseWaldur}, core.Invalid, []string{"name: must not be empty"}},
		"odd name":     {core.NewToken{Account: "ada", Name: "a\nb", Use: core.UseWaldur}, core.Invalid, []string{"name: must not hold control characters"}},
		"no use":       {core.NewToken{Account: "ada", Name: "t"}, core.Invalid, []string{"use: must be one of [waldur foreman raidboxes host]"}},
		"unknown use":  {core.NewToken{Account: "ada", Name: "t", Use: "root"}, core.Invalid, []string{"use: must be one of [waldur foreman raidboxes host]"}},
		"negative":     {core.NewToken{Account: "ada", Name: "t", Use: core.UseHost, Lifetime: -1}, core.Invalid, []string{"lifetime: must not be negative"}},
		"name taken":   {core.NewToken{Account: "ada", Name: "taken", Use: core.UseWaldur}, core.Conflict, []string{"name: is already the name of another token of this account for that use"}},
		"all of it":    {core.NewToken{Account: "ada", Use: "x", Lifetime: -1}, core.Invalid, []string{"name: must not be empty", "use: must be one of [waldur foreman raidboxes host]", "lifetime: must not be negative"}},
		"broken UTF-8": {core.NewToken{Account: "\xff", Name: "t", Use: core.UseHost}, core.NotFound, nil},
	}
	for name, tt := range tests {
		secret, err := w.AddToken(t.Context(), operator, tt.in)
		wantError(t, name, err, tt.kind, tt.fields...)
		if !secret.IsZero() {
			t.Errorf("%s: a secret was given for a token that is not there", name)
		}
	}
	w.unchanged("refused tokens", before)
	if _, err := w.AddToken(t.Context(), operator, core.NewToken{Account: "ada", Name: "taken", Use: core.UseHost}); err != nil {
		t.Errorf("AddToken of a name that is taken for another use: %v", err)
	}
}

func TestRemoveToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account(core.NewAccount{Login: "ada"})
	secret := must(w.AddToken(t.Context(), operator, core.NewToken{Account: "ada", Name: "t", Use: core.UseWaldur}))
	err := w.RemoveToken(t.Context(), operator, "ada", core.UseHost, "t")
	wantError(t, "RemoveToken of another use", err, core.NotFound)
	if err := w.RemoveToken(t.Context(), operator, "ada", core.UseWaldur, "t"); err != nil {
		t.Fatal(err)
	}
	_, err = w.AuthenticateToken(t.Context(), core.UseWaldur, secret.Reveal(), core.Origin{})
	wantError(t, "AuthenticateToken after RemoveToken", err, core.Unauthenticated)
	err = w.RemoveToken(t.Context(), operator, "ada", core.UseWaldur, "t")
	wantError(t, "RemoveToken again", err, core.NotFound)
	if e := w.event("token.remove"); !strings.HasPrefix(e.Object, "token ") {
		t.Errorf("audit event = %+v, want the token's id", e)
	}
}

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		w.project(core.NewProject{Name: "p"})
		end := w.clock.Now().Add(time.Hour)
		secret, err := w.AddAPIKey(t.Context(), operator, core.NewAPIKey{Project: "p", Name: "ci", ExpiresAt: end})
		if err != nil || !regexp.MustCompile(`^[A-Za-z0-9]{32}$`).MatchString(secret.Reveal()) {
			t.Fatalf("AddAPIKey = %q, %v; want 32 letters and digits", secret.Reveal(), err)
		}
		by, key, err := w.AuthenticateAPIKey(t.Context(), secret.Reveal(), core.Origin{Face: "f"})
		if err != nil || by.Kind() != core.ActorProject || by.Name() != "ci" || by.Project() != key.Project || by.Origin().Face != "f" {
			t.Errorf("AuthenticateAPIKey = %+v, %v; want the project's actor", by, err)
		}
		if key.Name != "ci" || !key.ExpiresAt.Equal(core.Moment(end)) || key.UUID.Version() != 7 || !key.CreatedAt.Equal(core.Moment(w.clock.Now())) {
			t.Errorf("API key = %+v, want it as it was made", key)
		}
		for _, wrong := range []string{"", secret.Reveal()[1:], secret.Reveal() + "x", strings.ToLower(secret.Reveal()), "\x00", "\xff"} {
			by, _, err := w.AuthenticateAPIKey(t.Context(), wrong, core.Origin{})
			wantError(t, "wrong API key", err, core.Unauthenticated)
			if by != (core.Actor{}) {
				t.Errorf("AuthenticateAPIKey(%q) = %+v, want nobody", wrong, by)
			}
		}
		_, err = w.AuthenticateToken(t.Context(), core.UseWaldur, secret.Reveal(), core.Origin{})
		wantError(t, "API key as a token", err, core.Unauthenticated)
		w.clock.advance(time.Hour)
		_, _, err = w.AuthenticateAPIKey(t.Context(), secret.Reveal(), core.Origin{})
		wantError(t, "expired API key", err, core.Unauthenticated)
		if err := w.RemoveAPIKey(t.Context(), operator, "p", "ci"); err != nil {
			t.Fatal(err)
		}
		for _, k := range must(w.APIKeys(t.Context(), operator, "p")) {
			if k.Name == "ci" {
				t.Errorf("APIKeys = %+v, want the removed one gone", k)
			}
		}
	})
}

func TestAPIKeysRefuse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.project(core.NewProject{Name: "p"})
	must(w.AddAPIKey(t.Context(), operator, core.NewAPIKey{Project: "p", Name: "taken"}))
	before := w.dump()
	tests := map[string]struct {
		in     core.NewAPIKey
		kind   core.Kind
		fields []string
	}{
		"no project":   {core.NewAPIKey{Project: "q", Name: "ci"}, core.NotFound, nil},
		"broken UTF-8": {core.NewAPIKey{Project: "\xff", Name: "ci"}, core.NotFound, nil},
		"no name":      {core.NewAPIKey{Project: "p"}, core.Invalid, []string{"name: must not be empty"}},
		"odd name":     {core.NewAPIKey{Project: "p", Name: "\x1b"}, core.Invalid, []string{"name: must not hold control characters"}},
		"long name":    {core.NewAPIKey{Project: "p", Name: strings.Repeat("n", 256)}, core.Invalid, []string{"name: must have at most 255 characters"}},
		"name taken":   {core.NewAPIKey{Project: "p", Name: "taken"}, core.Conflict, []string{"name: is already the name of another API key of this project"}},
	}
	for name, tt := range tests {
		secret, err := w.AddAPIKey(t.Context(), operator, tt.in)
		wantError(t, name, err, tt.kind, tt.fields...)
		if !secret.IsZero() {
			t.Errorf("%s: a secret was given for an API key that is not there", name)
		}
	}
	_, err := w.APIKeys(t.Context(), operator, "q")
	wantError(t, "APIKeys of no project", err, core.NotFound)
	err = w.RemoveAPIKey(t.Context(), operator, "p", "ci")
	wantError(t, "RemoveAPIKey that is not there", err, core.NotFound)
	w.unchanged("refused API keys", before)
}

func TestCredentialsAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		w.project(core.NewProject{Name: "p"})
		w.account(core.NewAccount{Login: "ada"})
		oneWins(t, atOnce(10, func(int) error {
			return second(w.AddAPIKey(t.Context(), operator, core.NewAPIKey{Project: "p", Name: "ci"}))
		}), "name: is already the name of another API key of this project")
		oneWins(t, atOnce(10, func(int) error {
			return second(w.AddToken(t.Context(), operator, core.NewToken{Account: "ada", Name: "t", Use: core.UseHost}))
		}), "name: is already the name of another token of this account for that use")
		oneWins(t, atOnce(10, func(int) error {
			return second(w.AddProject(t.Context(), operator, core.NewProject{Name: "q"}))
		}), "name: is already the name of another project")
	})
}

// Whoever copies the database finds no secret in it, in no spelling.
func TestSecretsAreNotInTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := newWorldOn(t, storetest.Open(t, store.Options{Path: filepath.Join(dir, "keyrack.db")}))
	const password, apiKey = "a canary of a password", "0123456789canaryghijklmnopqrstuv"
	lines := w.apply(core.Desired{
		Accounts: []core.DesiredAccount{{
			Login: "ada", Password: vault.NewSecret(ownPassword),
			Tokens: []core.DesiredToken{{Name: "a", Use: core.UseHost}, {Name: "b", Use: core.UseWaldur}},
		}},
		Projects: []core.DesiredProject{{Name: "p", APIKeys: []core.DesiredAPIKey{{Name: "ci", Secret: vault.NewSecret(apiKey)}}}},
		Applications: []core.DesiredApplication{{Name: "a", Authorizations: []core.DesiredAuthorization{{
			Name: "x", Permission: core.ReadOnly, OAuth1: &core.DesiredOAuth1{}, OAuth2: &core.DesiredOAuth2{},
		}}}},
	})
	hook := core.NewWebhook{URL: "https://example.org", Headers: map[string][]string{"Authorization": {"Bearer canary-in-a-header"}}}
	w.session(w.apiKey("p"), core.NewSession{Webhooks: []core.NewWebhook{hook}})
	secrets := []string{
		ownPassword, apiKey, "canary-in-a-header",
		must(w.WebhookSecret(t.Context(), operator, "p")).Reveal(),
		must(w.AddToken(t.Context(), operator, core.NewToken{Account: "ada", Name: "c", Use: core.UseForeman})).Reveal(),
		must(w.AddAPIKey(t.Context(), operator, core.NewAPIKey{Project: "p", Name: "d"})).Reveal(),
	}
	for _, l := range lines {
		for name, s := range l.Secrets {
			if strings.HasSuffix(name, "secret") { // the others are names
				secrets = append(secrets, s.Reveal())
			}
		}
	}
	if len(secrets) != 11 {
		t.Fatalf("%d secrets, want 11: 6 above, 2 tokens, 3 of OAuth", len(secrets))
	}
	files := must(filepath.Glob(filepath.Join(dir, "keyrack.db*")))
	if len(files) < 2 {
		t.Fatalf("files of the database = %v, want the write-ahead log among them", files)
	}
	for _, file := range files {
		content := string(must(os.ReadFile(file)))
		for _, s := range secrets {
			for _, spelling := range []string{s, base64.RawStdEncoding.EncodeToString([]byte(s)), hex.EncodeToString([]byte(s))} {
				if strings.Contains(content, spelling) {
					t.Errorf("%s holds a secret that begins with %.12q", filepath.Base(file), s)
				}
			}
		}
	}
}
