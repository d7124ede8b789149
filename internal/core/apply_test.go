package core_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"keyrack/internal/core"
	"keyrack/internal/store"
	"keyrack/internal/store/storetest"
	"keyrack/internal/vault"
)

// told is what a run of Apply tells: a line for each change, with the names of
// the secrets it made.
func told(lines []core.ChangeLine) []string {
	var out []string
	for _, l := range lines {
		text := strings.Join(append([]string{l.Op, l.Object}, l.Fields...), " ")
		var made []string
		for name := range l.Secrets {
			made = append(made, name)
		}
		slices.Sort(made)
		if len(made) > 0 {
			text += " +" + strings.Join(made, "+")
		}
		out = append(out, text)
	}
	return out
}

// Everything there is to say, said to an empty store, and then once more.
func TestApplyMakesAll(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		want := []string{
			"create settings waldur", "create organization acme", "create organization emca",
			"create location berlin", "create location bonn",
			"create account owner", "create token owner/foreman/u +secret", "create key owner/laptop", "create key owner/desk",
			"create account new",
			"create project own", "create api key own/l", "create project new",
			"create device w2016", "create device w2019",
			"create application deploy",
			"create authorization deploy/ci +oauth1.consumer_key+oauth1.consumer_secret+oauth1.token+oauth1.token_secret+oauth2.client_id+oauth2.client_secret",
		}
		before := w.dump()
		dry, err := w.Apply(t.Context(), operator, anotherWorld(), true)
		if diff := cmp.Diff(want, told(dry)); diff != "" || err != nil {
			t.Errorf("dry run: %v (-want +got):\n%s", err, diff)
		}
		for _, l := range dry {
			for name, s := range l.Secrets {
				if !s.IsZero() {
					t.Errorf("dry run gives a %s of %s, which opens nothing", name, l.Object)
				}
			}
		}
		w.unchanged("dry run", before)

		if diff := cmp.Diff(want, told(w.apply(anotherWorld()))); diff != "" {
			t.Errorf("Apply (-want +got):\n%s", diff)
		}
		w.declared(anotherWorld())

		before = w.dump()
		w.clock.advance(time.Hour)
		if again := told(w.apply(anotherWorld())); len(again) > 0 {
			t.Errorf("Apply again: %q, want no change", again)
		}
		w.unchanged("Apply again", before)
	})
}

// From one world to another: things that are new, changed and taken away.
func TestApplyChanges(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		w.apply(oneWorld(t))
		w.clock.advance(time.Hour)
		want := []string{
			"create settings waldur", "create organization emca", "create location bonn",
			"update account owner name email organizations locations password",
			"remove token owner/waldur/t", "create token owner/foreman/u +secret",
			"update key owner/laptop public_key", "create key owner/desk",
			"create account new",
			"update project own adopt_keys prove_keys organization", "remove api key own/k", "create api key own/l",
			"create project new",
			"update device w2016 ip type vendor model site", "create device w2019",
			"update application deploy organization",
			"create authorization deploy/ci +oauth1.consumer_key+oauth1.consumer_secret+oauth1.token+oauth1.token_secret+oauth2.client_id+oauth2.client_secret",
		}
		dry, err := w.Apply(t.Context(), operator, anotherWorld(), true)
		if diff := cmp.Diff(want, told(dry)); diff != "" || err != nil {
			t.Errorf("dry run: %v (-want +got):\n%s", err, diff)
		}
		if diff := cmp.Diff(want, told(w.apply(anotherWorld()))); diff != "" {
			t.Errorf("Apply (-want +got):\n%s", diff)
		}
		w.declared(anotherWorld())
		wantEvents := map[string]string{
			"account.change": "name email organizations locations password", "project.change": "adopt_keys prove_keys organization",
			"device.change": "ip type vendor model site", "application.change": "organization",
		}
		for action, detail := range wantEvents {
			if e := w.event(action); e.Detail != detail || e.ActorName != "olga" || e.Outcome != core.Done {
				t.Errorf("audit event %s = %+v, want it to tell %q", action, e, detail)
			}
		}
	})
}

// Each field by itself, from a world in which all are set.
func TestApplyChangesOneThing(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(d *core.Desired)
		want   string
	}{
		"login's case":     {func(d *core.Desired) { d.Accounts[0].Login = "Owner" }, "update account Owner login"},
		"name":             {func(d *core.Desired) { d.Accounts[0].Name = "" }, "update account owner name"},
		"e-mail":           {func(d *core.Desired) { d.Accounts[0].Email = "" }, "update account owner email"},
		"roles":            {func(d *core.Desired) { d.Accounts[0].Roles.Admin = true }, "update account owner roles"},
		"disabled":         {func(d *core.Desired) { d.Accounts[1].Disabled = false }, "update account new disabled"},
		"expiry":           {func(d *core.Desired) { d.Accounts[1].ExpiresAt = time.Time{} }, "update account new expires_at"},
		"organizations":    {func(d *core.Desired) { d.Accounts[0].Organizations = []string{"emca"} }, "update account owner organizations"},
		"same, other way":  {func(d *core.Desired) { d.Accounts[0].Organizations = []string{"emca", "acme", "emca"} }, ""},
		"locations":        {func(d *core.Desired) { d.Accounts[0].Locations = nil }, "update account owner locations"},
		"password":         {func(d *core.Desired) { d.Accounts[0].Password = vault.NewSecret("another password") }, "update account owner password"},
		"no password":      {func(d *core.Desired) { d.Accounts[0].Password = vault.Secret{} }, ""},
		"id of an account": {func(d *core.Desired) { d.Accounts[1].ID, d.Accounts[1].UUID = 99, uuid.New() }, ""},
		"token's lifetime": {func(d *core.Desired) { d.Accounts[0].Tokens[1].Lifetime = 0 }, "update token owner/foreman/u lifetime"},
		"token's expiry": {
			func(d *core.Desired) { d.Accounts[0].Tokens[1].ExpiresAt = time.Unix(2e9, 0) }, "update token owner/foreman/u expires_at",
		},
		"token's secret": {
			func(d *core.Desired) { d.Accounts[0].Tokens[1].Secret = vault.NewSecret(strings.Repeat("s", 32)) },
			"update token owner/foreman/u secret",
		},
		"token taken away":    {func(d *core.Desired) { d.Accounts[0].Tokens[1].Absent = true }, "remove token owner/foreman/u"},
		"token not named":     {func(d *core.Desired) { d.Accounts[0].Tokens = nil }, ""},
		"key shared":          {func(d *core.Desired) { d.Accounts[0].Keys[0].Shared = false }, "update key owner/laptop shared"},
		"key's comment":       {func(d *core.Desired) { d.Accounts[0].Keys[0].PublicKey += " new@comment" }, ""},
		"key taken away":      {func(d *core.Desired) { d.Accounts[0].Keys[1].Absent = true }, "remove key owner/desk"},
		"key not named":       {func(d *core.Desired) { d.Accounts[0].Keys = nil }, ""},
		"project's adoption":  {func(d *core.Desired) { d.Projects[0].Adopt = "" }, "update project own adopt_keys"},
		"project's proofs":    {func(d *core.Desired) { d.Projects[0].ProveKeys = false }, "update project own prove_keys"},
		"project's tenant":    {func(d *core.Desired) { d.Projects[1].Organization = "" }, "update project new organization"},
		"API key's expiry":    {func(d *core.Desired) { d.Projects[0].APIKeys[1].ExpiresAt = time.Unix(2e9, 0) }, "update api key own/l expires_at"},
		"API key's secret":    {func(d *core.Desired) { d.Projects[0].APIKeys[1].Secret = vault.NewSecret(strings.Repeat("s", 32)) }, "update api key own/l secret"},
		"API key kept":        {func(d *core.Desired) { d.Projects[0].APIKeys[1].Secret = vault.Secret{} }, ""},
		"API key taken away":  {func(d *core.Desired) { d.Projects[0].APIKeys[1].Absent = true }, "remove api key own/l"},
		"device's address":    {func(d *core.Desired) { d.Devices[0].Address = "" }, "update device w2016 ip"},
		"application's owner": {func(d *core.Desired) { d.Applications[0].Organization = "" }, "update application deploy organization"},
		"permission":          {func(d *core.Desired) { d.Applications[0].Authorizations[0].Permission = core.ReadOnly }, "update authorization deploy/ci permission"},
		"resources":           {func(d *core.Desired) { d.Applications[0].Authorizations[0].Resources = nil }, "update authorization deploy/ci resources"},
		"addresses": {
			func(d *core.Desired) { d.Applications[0].Authorizations[0].AllowedIPs = []string{"10.0.0.0/8", "::1"} },
			"update authorization deploy/ci allowed_ips",
		},
		"application locked out": {func(d *core.Desired) { d.Applications[0].Disabled = true }, "update application deploy disabled"},
		"referers": {
			func(d *core.Desired) {
				d.Applications[0].Authorizations[0].Referers = []string{"https://a.example.org"}
			},
			"update authorization deploy/ci referers",
		},
		"certificate": {
			func(d *core.Desired) {
				d.Applications[0].Authorizations[0].Certificate = strings.Repeat("AB:", 31) + "AB"
			},
			"update authorization deploy/ci certificate",
		},
		"assigned keys": {
			func(d *core.Desired) { d.Applications[0].Authorizations[0].Keys = []string{"k"} }, "update authorization deploy/ci keys",
		},
		"assigned devices": {
			func(d *core.Desired) { d.Applications[0].Authorizations[0].Devices = []string{"w2016"} },
			"update authorization deploy/ci devices",
		},
		"authorization locked out": {
			func(d *core.Desired) { d.Applications[0].Authorizations[0].Disabled = true }, "update authorization deploy/ci disabled",
		},
		"authorization's end": {
			func(d *core.Desired) { d.Applications[0].Authorizations[0].ExpiresAt = time.Unix(2e9, 0) },
			"update authorization deploy/ci expires_at",
		},
		"client id": {
			func(d *core.Desired) { d.Applications[0].Authorizations[0].OAuth2.ClientID = "me" }, "update authorization deploy/ci oauth2.client_id",
		},
		"client secret": {
			func(d *core.Desired) {
				d.Applications[0].Authorizations[0].OAuth2.ClientSecret = vault.NewSecret(strings.Repeat("s", 32))
			},
			"update authorization deploy/ci oauth2.client_secret",
		},
		"consumer key": {
			func(d *core.Desired) { d.Applications[0].Authorizations[0].OAuth1.ConsumerKey = "me" }, "update authorization deploy/ci oauth1.consumer_key",
		},
		"consumer secret": {
			func(d *core.Desired) {
				d.Applications[0].Authorizations[0].OAuth1.ConsumerSecret = vault.NewSecret("s")
			},
			"update authorization deploy/ci oauth1.consumer_secret",
		},
		"OAuth token": {
			func(d *core.Desired) { d.Applications[0].Authorizations[0].OAuth1.Token = "me" }, "update authorization deploy/ci oauth1.token",
		},
		"OAuth token's secret": {
			func(d *core.Desired) { d.Applications[0].Authorizations[0].OAuth1.TokenSecret = vault.NewSecret("s") },
			"update authorization deploy/ci oauth1.token_secret",
		},
		"no OAuth any more": {
			func(d *core.Desired) {
				d.Applications[0].Authorizations[0].OAuth1, d.Applications[0].Authorizations[0].OAuth2 = nil, nil
			},
			"",
		},
		"settings":     {func(d *core.Desired) { d.Settings["waldur"] = "{}" }, "update settings waldur"},
		"nothing said": {func(d *core.Desired) { *d = core.Desired{} }, ""},
	}
	w := newWorld(t)
	w.apply(anotherWorld())
	for name, tt := range tests {
		var want []string
		if tt.want != "" {
			want = []string{tt.want}
		}
		d := anotherWorld()
		tt.change(&d)
		s := w.over(rehearsal{w.store})
		lines, err := s.Apply(t.Context(), operator, d, false)
		if diff := cmp.Diff(want, told(lines)); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

// Keys of an account may change their names, and swap them.
func TestApplyMovesKeys(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		keys := func(pairs ...any) core.Desired {
			a := core.DesiredAccount{Login: "ada"}
			for i := 0; i < len(pairs); i += 2 {
				k := core.DesiredKey{Name: pairs[i].(string), Absent: pairs[i+1] == nil}
				if n, ok := pairs[i+1].(int); ok {
					k.PublicKey = testKey(t, n).String()
				}
				a.Keys = append(a.Keys, k)
			}
			return core.Desired{Accounts: []core.DesiredAccount{a}}
		}
		steps := []struct {
			file core.Desired
			want []string
		}{
			{keys("a", 1, "b", 2), []string{"create account ada", "create key ada/a", "create key ada/b"}},
			{keys("a", 2, "b", 1), []string{"update key ada/a public_key", "update key ada/b public_key"}},
			{keys("c", 2, "a", nil), []string{"remove key ada/a", "create key ada/c"}},
			{keys("b", 2, "c", 3), []string{"update key ada/b public_key", "update key ada/c public_key"}},
			{keys("x", nil), nil},
			{keys("b", 2, "c", 3), nil},
		}
		for i, step := range steps {
			if diff := cmp.Diff(step.want, told(w.apply(step.file)), exactly); diff != "" {
				t.Errorf("step %d (-want +got):\n%s", i, diff)
			}
			w.declared(step.file)
		}
		if d := w.dump(); len(d.Keys) != 2 || len(d.Evidence) != 2 {
			t.Errorf("%d keys with %d pieces of evidence, want two with one each: evidence does not pass to another key", len(d.Keys), len(d.Evidence))
		}
	})
}

// A secret may move to another name in one run, whatever the order.
func TestApplyMovesSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	secret := vault.NewSecret("0123456789abcdefghijklmnopqrstuv")
	file := func(from, to string) core.Desired {
		return core.Desired{
			Accounts: []core.DesiredAccount{{Login: "ada", Tokens: []core.DesiredToken{
				{Name: to, Use: core.UseForeman, Secret: secret}, {Name: from, Use: core.UseForeman, Absent: true},
			}}},
			Projects: []core.DesiredProject{{Name: "p", APIKeys: []core.DesiredAPIKey{{Name: to, Secret: secret}, {Name: from, Absent: true}}}},
		}
	}
	w.apply(file("none", "a"))
	want := []string{"remove token ada/foreman/a", "create token ada/foreman/b", "remove api key p/a", "create api key p/b"}
	if diff := cmp.Diff(want, told(w.apply(file("a", "b")))); diff != "" {
		t.Errorf("Apply (-want +got):\n%s", diff)
	}
	by, _, err := w.AuthenticateAPIKey(t.Context(), secret.Reveal(), core.Origin{})
	if err != nil || by.Name() != "b" {
		t.Errorf("AuthenticateAPIKey = %v, %v; want the API key of the new name", by, err)
	}
}

// All that is wrong is said at once, each with its place; nothing is changed.
func TestApplyTellsAllProblems(t *testing.T) {
	t.Parallel()
	file := core.Desired{
		Organizations: []string{"ok", "", "a\x1b"}, Locations: []string{strings.Repeat("l", 256)},
		Accounts: []core.DesiredAccount{
			{
				Login: "new", Email: "x", Password: vault.NewSecret("short"), Organizations: []string{"ok", "none", ""}, Locations: []string{"\x00"},
				Tokens: []core.DesiredToken{{Use: "x"}, {Name: "a", Use: core.UseHost, Secret: vault.NewSecret("too short")}},
				Keys:   []core.DesiredKey{{Name: "ok", PublicKey: keyText}, {Name: "\x07", PublicKey: "x"}},
			},
			{Login: "-x", Keys: []core.DesiredKey{{Name: "k", PublicKey: "y"}}},
			{Login: "owner", Email: "bad mail", Password: vault.NewSecret("short"), Keys: []core.DesiredKey{
				{Name: "laptop", PublicKey: "z"}, {Name: "again", PublicKey: testKey(t, 1).String()},
			}, Tokens: []core.DesiredToken{{Name: "t", Use: core.UseWaldur, Lifetime: -1}}},
			{Login: "fresh", ID: 1}, {Login: "fresh2", ID: -1}, {Login: "fresh3", ID: 1 << 53}, {Login: "fresh4", UUID: uuid.UUID{15: 1}},
			{Login: "fresh5", UUID: uuid.UUID{15: 1}},
			{Login: "other", Tokens: []core.DesiredToken{
				{Name: "x", Use: core.UseHost, Secret: vault.NewSecret("used-used-used-used-used")},
				{Name: "y", Use: core.UseHost, Secret: vault.NewSecret("used-used-used-used-used")},
			}},
		},
		Projects: []core.DesiredProject{
			{Name: "", Adopt: "some", Organization: "none", APIKeys: []core.DesiredAPIKey{{Name: ""}, {Name: "b", Secret: vault.NewSecret("with blank with blank with blank")}}},
			{Name: "p", APIKeys: []core.DesiredAPIKey{
				{Name: "a", Secret: vault.NewSecret("used-used-used-used-used")}, {Name: "b", Secret: vault.NewSecret("used-used-used-used-used")},
			}},
		},
		Devices: []core.DesiredDevice{{}, {Hostname: "ok", Type: "\x07", Site: "\xff"}},
		Applications: []core.DesiredApplication{
			{Name: "", Organization: "none", Authorizations: []core.DesiredAuthorization{{Name: "", Permission: "all"}}},
			{Name: "a", Authorizations: []core.DesiredAuthorization{
				{
					Name: "x", Permission: core.ReadOnly, Resources: []string{"pam-core", "root"}, AllowedIPs: []string{"*", "10.0.0.0/33", "host"},
					OAuth2: &core.DesiredOAuth2{ClientID: "\x00", ClientSecret: vault.NewSecret("s")},
				},
				{Name: "y", Permission: core.ReadOnly, OAuth2: &core.DesiredOAuth2{ClientID: "me"}, OAuth1: &core.DesiredOAuth1{ConsumerKey: "me"}},
				{Name: "z", Permission: core.ReadOnly, OAuth2: &core.DesiredOAuth2{ClientID: "me"}, OAuth1: &core.DesiredOAuth1{ConsumerKey: "me"}},
			}},
		},
		Settings: map[string]string{"keys": "no JSON", "waldur": "{}"},
	}
	want := []string{
		"accounts[0].password: must have at least 12 characters",
		"accounts[2].password: must have at least 12 characters",
		"settings.keys: read settings of keys: invalid character 'o' in literal null (expecting 'u')",
		"organizations[1].name: must not be empty",
		"organizations[2].name: must not hold control characters",
		"locations[0].name: must have at most 255 characters",
		`accounts[0].organizations[1]: no organization is named "none"`,
		`accounts[0].organizations[2]: no organization is named ""`,
		`accounts[0].locations[0]: no location is named "\x00"`,
		"accounts[0].email: must be one address, as ada@example.org",
		"accounts[0].tokens[0].name: must not be empty",
		"accounts[0].tokens[0].use: must be one of [waldur foreman raidboxes host]",
		"accounts[0].tokens[1].secret: must have at least 22 characters; leave it out and one is made",
		"accounts[0].keys[1].name: must not hold control characters",
		"accounts[0].keys[1].public_key: there is no public key in this text…",
		"accounts[1].login: must be 1 to 100 letters, digits or . _ @ + - and begin with a letter, digit or _",
		"accounts[1].keys[0].public_key: there is no public key in this text…",
		"accounts[2].email: must be one address, as ada@example.org",
		"accounts[2].tokens[0].lifetime: must not be negative",
		"accounts[2].keys[0].public_key: there is no public key in this text…",
		"accounts[2].keys[1].public_key: is already a key of this account",
		"accounts[3].id: is another account's",
		"accounts[4].id: must be between 1 and 9007199254740991",
		"accounts[5].id: must be between 1 and 9007199254740991",
		"accounts[7].uuid: is another account's",
		"accounts[8].tokens[1].secret: is already in use",
		"projects[0].name: must not be empty",
		"projects[0].adopt_keys: must be off, proven or offered",
		`projects[0].organization: no organization is named "none"`,
		"projects[0].api_keys[0].name: must not be empty",
		"projects[0].api_keys[1].secret: must be printable ASCII without blanks",
		"projects[1].api_keys[1].secret: is already in use",
		"devices[0].hostname: must not be empty",
		"devices[1].type: must not hold control characters",
		"devices[1].site: must be valid UTF-8",
		"applications[0].name: must not be empty",
		`applications[0].organization: no organization is named "none"`,
		"applications[0].authorizations[0].name: must not be empty",
		"applications[0].authorizations[0].permission: must be read-only or read-write",
		"applications[1].authorizations[0].resources[1]: must be one of pam-core, certificate-manager, task-manager, dashboards, web-proxy-session, users, system, a2a",
		"applications[1].authorizations[0].allowed_ips[1]: must be an IP address, a prefix as 10.0.0.0/8, or *",
		"applications[1].authorizations[0].allowed_ips[2]: must be an IP address, a prefix as 10.0.0.0/8, or *",
		"applications[1].authorizations[0].oauth2.client_id: must not hold control characters",
		"applications[1].authorizations[0].oauth2.client_secret: must have at least 22 characters; leave it out and one is made",
		"applications[1].authorizations[2].oauth2.client_id: is another authorization's",
		"applications[1].authorizations[2].oauth1.consumer_key: is another authorization's",
	}
	onEach(t, func(t *testing.T, w *world) {
		w.apply(oneWorld(t))
		before := w.dump()
		for _, dry := range []bool{true, false} {
			lines, err := w.Apply(t.Context(), operator, file, dry)
			if core.KindOf(err) != core.Invalid || lines != nil {
				t.Fatalf("Apply = %v, %v; want problems alone", lines, err)
			}
			var got []string
			for _, f := range fieldsOf(err) {
				if beginning, _, cut := strings.Cut(f, " in this text"); cut {
					f = beginning + " in this text…"
				}
				got = append(got, f)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		}
		w.unchanged("a refused file", before)
	})
}

func TestApplyGivenIDs(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		id := uuid.MustParse("0197c3a2-6f1e-7c44-9b0e-3d5a6a1f2b7c")
		w.apply(core.Desired{Accounts: []core.DesiredAccount{
			{Login: "a"}, {Login: "b", ID: 4711, UUID: id}, {Login: "c"}, {Login: "d", ID: 17}, {Login: "e"},
		}})
		later := w.account(core.NewAccount{Login: "f"})
		got := map[string]core.AccountID{}
		for _, login := range []string{"a", "b", "c", "d", "e"} {
			got[login] = must(w.AccountRef(t.Context(), operator, login)).ID
		}
		want := map[string]core.AccountID{"a": 1, "b": 4711, "c": 4712, "d": 17, "e": 4713}
		if diff := cmp.Diff(want, got); diff != "" || later.ID != 4714 {
			t.Errorf("next id is %d, want 4714 (-want +got):\n%s", later.ID, diff)
		}
		if b := must(w.AccountRef(t.Context(), operator, id.String())); b.Login != "b" {
			t.Errorf("account with the given UUID = %+v, want b", b)
		}
	})
}

func TestApplyPasswords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	file := func(password string) core.Desired {
		return core.Desired{Accounts: []core.DesiredAccount{{Login: "ada", Password: vault.NewSecret(password)}}}
	}
	hash := func() string { return must(w.AccountRef(t.Context(), operator, "ada")).PasswordHash }
	w.apply(file("correct-horse-battery"))
	first := hash()
	if lines := told(w.apply(file("correct-horse-battery"))); len(lines) > 0 || hash() != first {
		t.Errorf("Apply of the same password: %q, %q became %q; want the hash kept", lines, first, hash())
	}
	if lines := told(w.apply(file("correct-horse-staple"))); len(lines) != 1 || hash() == first {
		t.Errorf("Apply of another password: %q, %q became %q", lines, first, hash())
	}
	if _, err := w.AuthenticatePassword(t.Context(), "ada", "correct-horse-staple", core.Origin{}); err != nil {
		t.Errorf("AuthenticatePassword with what was applied: %v", err)
	}
}

// A password that changes while a file is being applied is the file's after.
func TestApplyPasswordMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	file := core.Desired{Accounts: []core.DesiredAccount{{Login: "ada", Password: vault.NewSecret("correct-horse-battery")}}}
	w.apply(file)
	ada := must(w.AccountRef(t.Context(), operator, "ada"))
	s := w.over(betweenViewAndUpdate{w.store, func() {
		if err := w.SetPassword(t.Context(), operator, ada.UUID, "somebody else's password"); err != nil {
			t.Error(err)
		}
	}})
	if _, err := s.Apply(t.Context(), operator, file, false); err != nil {
		t.Fatal(err)
	}
	if _, err := w.AuthenticatePassword(t.Context(), "ada", "correct-horse-battery", core.Origin{}); err != nil {
		t.Errorf("AuthenticatePassword with what the file says: %v", err)
	}
}

// betweenViewAndUpdate is a store that does something before each Update.
type betweenViewAndUpdate struct {
	core.Store
	before func()
}

func (b betweenViewAndUpdate) Update(ctx context.Context, fn func(core.Tx) error) error {
	b.before()
	return b.Store.Update(ctx, fn)
}

func (b betweenViewAndUpdate) UpdateLocked(ctx context.Context, fn func(core.Tx) error) error {
	b.before()
	return b.Store.UpdateLocked(ctx, fn)
}

func (b betweenViewAndUpdate) Bulk(ctx context.Context, fn func(core.Tx) error) error {
	b.before()
	return b.Store.Bulk(ctx, fn)
}

func TestApplyOAuth(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		file := core.Desired{Applications: []core.DesiredApplication{{Name: "deploy", Authorizations: []core.DesiredAuthorization{{
			Name: "ci", Permission: core.ReadOnly,
			OAuth2: &core.DesiredOAuth2{ClientID: "client", ClientSecret: vault.NewSecret(strings.Repeat("c", 32))},
			OAuth1: &core.DesiredOAuth1{
				ConsumerKey: "consumer", ConsumerSecret: vault.NewSecret("consumer's secret"), Token: "token", TokenSecret: vault.NewSecret("token's secret"),
			},
		}}}}}
		if lines := w.apply(file); len(lines[1].Secrets) != 0 {
			t.Errorf("Apply with all given made %v, want no secrets", lines[1].Secrets)
		}
		x := must(w.Applications(t.Context(), operator))[0].Authorizations[0]
		for field, tt := range map[string]struct {
			sealed []byte
			want   string
		}{"consumer_secret": {x.OAuth1.ConsumerSecret, "consumer's secret"}, "token_secret": {x.OAuth1.TokenSecret, "token's secret"}} {
			plain, err := w.vault.Unseal(tt.sealed, vault.Record{Kind: "authorization.oauth1", ID: x.UUID.String(), Field: field})
			if err != nil || string(plain) != tt.want || strings.Contains(string(tt.sealed), tt.want) {
				t.Errorf("%s = %q, unsealed %q, %v; want %q sealed", field, tt.sealed, plain, err, tt.want)
			}
		}
		if x.OAuth2.ClientID != "client" || x.OAuth1.ConsumerKey != "consumer" || x.OAuth1.Token != "token" {
			t.Errorf("authorization = %+v %+v, want the public halves as given", x.OAuth1, x.OAuth2)
		}
		before := w.dump()
		if lines := told(w.apply(file)); len(lines) > 0 {
			t.Errorf("Apply again: %q, want no change", lines)
		}
		w.unchanged("Apply again", before)
	})
}

// Without the vault, or with another, a file with OAuth 1.0 is refused; that is
// not for the file to mend, and so is no problem of the file.
func TestApplyOAuthNeedsItsVault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	file := core.Desired{Applications: []core.DesiredApplication{{Name: "deploy", Authorizations: []core.DesiredAuthorization{{
		Name: "ci", Permission: core.ReadOnly, OAuth1: &core.DesiredOAuth1{ConsumerSecret: vault.NewSecret("consumer's secret")},
	}}}}}
	before := w.dump()
	none := core.New(core.Options{Store: w.store})
	_, err := none.Apply(t.Context(), operator, file, false)
	wantError(t, "Apply without a vault", err, core.Unavailable)
	w.unchanged("Apply without a vault", before)
	w.apply(file)
	before = w.dump()
	other := core.New(core.Options{Store: w.store, Vault: newVault(t)})
	if _, err := other.Apply(t.Context(), operator, file, false); err == nil || core.KindOf(err) != core.Internal {
		t.Errorf("Apply with another vault: %v (%v), want it internal", err, core.KindOf(err))
	}
	w.unchanged("Apply with another vault", before)
}

// Rules for keys that a file brings hold for the keys it brings; those that
// are there already stay.
func TestApplyKeyPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	file := core.Desired{Accounts: []core.DesiredAccount{{Login: "ada", Keys: []core.DesiredKey{{Name: "a", PublicKey: keyText}}}}}
	w.apply(file)
	file.Settings = map[string]string{"keys": `{"allowed_types":["ssh-rsa"]}`}
	if diff := cmp.Diff([]string{"create settings keys"}, told(w.apply(file))); diff != "" {
		t.Errorf("Apply of a rule beside a key that breaks it (-want +got):\n%s", diff)
	}
	if lines := told(w.apply(file)); len(lines) > 0 {
		t.Errorf("Apply again: %q, want no change", lines)
	}
	file.Accounts[0].Keys = append(file.Accounts[0].Keys, core.DesiredKey{Name: "b", PublicKey: keyText2})
	_, err := w.Apply(t.Context(), operator, file, false)
	wantError(t, "Apply of a new key that breaks the rule", err, core.Invalid,
		`accounts[0].keys[1].public_key: keys of type "ssh-ed25519" are not allowed; allowed are ssh-rsa`)
}

// Two operators apply one file at once: what it says is there once.
func TestApplyAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		file := anotherWorld()
		file.Accounts[0].Password = vault.Secret{} // which each would hash for itself
		lines := make([][]core.ChangeLine, 4)
		race(t, len(lines), func(i int) (err error) {
			lines[i], err = w.Apply(t.Context(), operator, file, false)
			return err
		})
		made := 0
		for _, l := range lines {
			if len(l) > 0 {
				made++
			}
		}
		if made != 1 {
			t.Errorf("%d of %d runs at once changed something, want one", made, len(lines))
		}
		w.declared(file)
	})
}

// How long a large file takes that is new, and one that says nothing new.
func BenchmarkApply(b *testing.B) {
	var file core.Desired
	for i := range 1000 {
		a := core.DesiredAccount{Login: fmt.Sprint("user", i), Email: fmt.Sprintf("user%d@example.org", i)}
		for j := range 5 {
			a.Keys = append(a.Keys, core.DesiredKey{Name: fmt.Sprint("key", j), PublicKey: testKey(b, 5*i+j).String()})
		}
		file.Accounts = append(file.Accounts, a)
	}
	stores := map[string]func(testing.TB) *store.Store{"sqlite": storetest.SQLite, "postgres": storetest.Postgres}
	for name, open := range stores {
		b.Run(name+"/1000 accounts, 5000 keys, new", func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				w := newWorldOn(b, open(b))
				b.StartTimer()
				w.apply(file)
			}
		})
		b.Run(name+"/1000 accounts, 5000 keys, there", func(b *testing.B) {
			w := newWorldOn(b, open(b))
			w.apply(file)
			for b.Loop() {
				w.apply(file)
			}
		})
	}
}
