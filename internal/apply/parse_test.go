package apply

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"keyrack/internal/core"
	"keyrack/internal/vault"
	"keyrack/internal/yamlfile"
)

var equal = cmp.Options{
	cmp.Comparer(func(a, b vault.Secret) bool { return a.Reveal() == b.Reveal() }),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
}

const (
	laptop = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAII04fSmroH8mhA8GfNEeJdqkivShSOrYa0DaYg+JgW1/ ada@laptop"
	phone  = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOIzOkUOijKg6+Xs7DoAjkfLBgLlG4vRrADZop3k6euc ada@phone"
)

// manual gives the example of docs/apply.md, in a directory with the files that it names.
func manual(t testing.TB) (path string, content []byte) {
	t.Helper()
	text, err := os.ReadFile("../../docs/apply.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, begins := strings.Cut(string(text), "```yaml\n")
	example, _, ends := strings.Cut(rest, "```\n")
	if !begins || !ends {
		t.Fatal("docs/apply.md holds no YAML")
	}
	dir := t.TempDir()
	for name, content := range map[string]string{
		"ada.password": "correct-horse-battery\n", "keys/phone.pub": phone + "\n", "deploy.secret": "deploy-deploy-deploy-deploy-deplo",
	} {
		writeFile(t, filepath.Join(dir, name), content, 0o600)
	}
	return filepath.Join(dir, "people.yaml"), []byte(example)
}

func writeFile(t testing.TB, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func TestManualExample(t *testing.T) {
	t.Parallel()
	f, err := Parse(manual(t))
	if err != nil {
		t.Fatal(err)
	}
	far := time.Date(2099, 12, 31, 0, 0, 0, 0, time.UTC)
	want := core.Desired{
		Organizations: []string{"acme"},
		Locations:     []string{"berlin"},
		Accounts: []core.DesiredAccount{{
			ID: 1001, UUID: uuid.MustParse("0198c1e0-5a3b-7c44-9a51-0f6b3c2d1e00"), Login: "ada", Name: "Ada Example",
			Email: "ada@example.org", Roles: core.Roles{Admin: true}, Password: vault.NewSecret("correct-horse-battery"),
			ExpiresAt: far, Organizations: []string{"acme"}, Locations: []string{"berlin"},
			Rights: []core.Right{core.ViewUsers, core.ViewKeys},
			Tokens: []core.DesiredToken{
				{Name: "sdk", Use: core.UseWaldur, Secret: vault.NewSecret("1111111111111111111111111111111111111111")},
				{Name: "web1", Use: core.UseHost, ExpiresAt: far},
				{Name: "old", Use: core.UseForeman, Absent: true},
			},
			Keys: []core.DesiredKey{
				{Name: "laptop", PublicKey: laptop}, {Name: "phone", PublicKey: phone}, {Name: "lost", Absent: true},
			},
		}},
		Projects: []core.DesiredProject{{
			Name: "onboarding", Organization: "acme", Adopt: core.AdoptProven, ProveKeys: true,
			APIKeys: []core.DesiredAPIKey{{Name: "ci", Secret: vault.NewSecret("0123456789abcdefghijklmnopqrstuv"), ExpiresAt: far}},
		}},
		Policies: []core.Policy{{
			Name: "servers", Priority: 10, ViewTime: time.Hour, MaxAge: 90 * 24 * time.Hour,
			Hostnames: []string{"w*"}, Types: []string{"Server"}, Models: []string{"Debian 12"},
			Sites: []string{"AWS"}, Tags: []string{"prod"},
		}},
		Devices: []core.DesiredDevice{{
			Hostname: "w2016", Organization: "acme", Address: "10.0.0.5", Type: "Server", Vendor: "Debian", Model: "Debian 12",
			Site: "AWS", Domains: []string{"corp.example.org"}, Connectivities: []string{"SSH:22"}, Tags: []string{"prod"},
		}},
		Applications: []core.DesiredApplication{{
			Name: "deploy", Organization: "acme", Description: "Rolls out releases", Tags: []string{"ci"},
			Authorizations: []core.DesiredAuthorization{{
				Name: "ci", System: "builder", Environment: "production", Permission: core.ReadWrite, Resources: []string{"pam-core"}, AllowedIPs: []string{"10.0.0.0/8"},
				Referers: []string{}, Keys: []string{"deploy-web"}, Devices: []string{"w2016"},
				ExpiresAt: time.Date(2099, 12, 31, 0, 0, 0, 0, time.UTC),
				OAuth2:    &core.DesiredOAuth2{ClientID: "deploy", ClientSecret: vault.NewSecret("deploy-deploy-deploy-deploy-deplo")},
				OAuth1:    &core.DesiredOAuth1{},
			}},
		}},
		Settings: map[string]string{
			"devices": `{"domains":["corp.example.org"]}`,
			"keys":    `{"allowed_types":["ssh-ed25519","sk-ssh-ed25519@openssh.com","ssh-rsa"],"min_rsa_bits":3072}`,
			"waldur":  `{"allowed_types":["ssh-ed25519","ssh-rsa"]}`,
		},
	}
	if diff := cmp.Diff(want, f.Desired(), equal); diff != "" {
		t.Errorf("Parse(docs/apply.md) (-want +got):\n%s", diff)
	}
	if w := f.Warnings(); len(w) > 0 {
		t.Errorf("Parse(docs/apply.md) warns: %v", w)
	}
}

// The manual names every key there is.
func TestManualIsComplete(t *testing.T) {
	t.Parallel()
	_, example := manual(t)
	for _, key := range keysOf(document{}) {
		if !strings.Contains(string(example), key) {
			t.Errorf("the example of docs/apply.md does not name %s", key)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	account := func(a core.DesiredAccount) core.Desired {
		a.Login = "ada"
		return core.Desired{Accounts: []core.DesiredAccount{a}}
	}
	adopts := func(a core.Adopt) core.Desired {
		return core.Desired{Projects: []core.DesiredProject{{Name: "p", Adopt: a}}}
	}
	lasts := func(d time.Duration) core.Desired {
		return account(core.DesiredAccount{Tokens: []core.DesiredToken{{Name: "t", Use: core.UseHost, Lifetime: d}}})
	}
	tests := []struct {
		name, yaml string
		want       core.Desired
	}{
		{"nothing", "", core.Desired{}},
		{"a comment", "# nobody yet\n", core.Desired{}},
		{"empty parts", "accounts:\nprojects: []\nsettings:\n", core.Desired{}},

		{"adopt_keys left out", "projects: [{name: p}]", adopts("")},
		{"adopt_keys off", "projects: [{name: p, adopt_keys: off}]", adopts(core.AdoptOff)},
		{"adopt_keys off in quotes", "projects: [{name: p, adopt_keys: 'off'}]", adopts(core.AdoptOff)},
		{"adopt_keys false", "projects: [{name: p, adopt_keys: false}]", adopts(core.AdoptOff)},
		{"adopt_keys No", "projects: [{name: p, adopt_keys: No}]", adopts(core.AdoptOff)},
		{"adopt_keys on", "projects: [{name: p, adopt_keys: on}]", adopts(core.AdoptProven)},
		{"adopt_keys true", "projects: [{name: p, adopt_keys: true}]", adopts(core.AdoptProven)},
		{"adopt_keys offered", "projects: [{name: p, adopt_keys: offered}]", adopts(core.AdoptOffered)},

		{"lifetime never", "accounts: [{login: ada, tokens: [{name: t, use: host, lifetime: never}]}]", lasts(0)},
		{"lifetime in days", "accounts: [{login: ada, tokens: [{name: t, use: host, lifetime: 30d}]}]", lasts(720 * time.Hour)},
		{"lifetime in hours", "accounts: [{login: ada, tokens: [{name: t, use: host, lifetime: 12h}]}]", lasts(12 * time.Hour)},

		{"day", "accounts: [{login: ada, expires_at: 2030-01-31}]", account(core.DesiredAccount{ExpiresAt: time.Date(2030, 1, 31, 0, 0, 0, 0, time.UTC)})},
		{"time", "accounts: [{login: ada, expires_at: 2030-01-31T18:00:00.5Z}]", account(core.DesiredAccount{ExpiresAt: time.Date(2030, 1, 31, 18, 0, 0, 5e8, time.UTC)})},
		{"both roles", "accounts: [{login: ada, roles: [support, admin]}]", account(core.DesiredAccount{Roles: core.Roles{Admin: true, Support: true}})},
		{"password that looks like a number", "accounts: [{login: ada, password: 000000000000}]", account(core.DesiredAccount{Password: vault.NewSecret("000000000000")})},
		{"shared teams", "accounts: [{login: ada, organizations: &o [acme], locations: *o}]", account(core.DesiredAccount{Organizations: []string{"acme"}, Locations: []string{"acme"}})},

		{"one name for two uses", "accounts: [{login: ada, tokens: [{name: t, use: host}, {name: t, use: waldur}]}]", account(core.DesiredAccount{
			Tokens: []core.DesiredToken{{Name: "t", Use: core.UseHost}, {Name: "t", Use: core.UseWaldur}},
		})},
		{"settings in any order", "settings: {waldur: {b: [1, x, true], a: {d: null, c: 1.5}}, foreman: {}}", core.Desired{
			Settings: map[string]string{"waldur": `{"a":{"c":1.5,"d":null},"b":[1,"x",true]}`, "foreman": "{}"},
		}},
		{"settings with nothing in it", "settings: {keys: {}}", core.Desired{Settings: map[string]string{"keys": "{}"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f, err := Parse("people.yaml", []byte(tt.yaml))
			if err != nil {
				t.Fatalf("Parse(%q): %v", tt.yaml, err)
			}
			if tt.want.Settings == nil {
				tt.want.Settings = map[string]string{}
			}
			if diff := cmp.Diff(tt.want, f.Desired(), equal); diff != "" {
				t.Errorf("Parse(%q) (-want +got):\n%s", tt.yaml, diff)
			}
		})
	}
}

// wrong are files with one thing wrong in each.
var wrong = []struct{ yaml, want string }{
	{"acounts: []", `1: unknown key "acounts"; did you mean "accounts"?`},
	{"projects:\n- name: p\n  adopt_key: off", `3: projects[0]: unknown key "adopt_key"; did you mean "adopt_keys"?`},
	{"projects:\n- name: p\n  adopt_keys: all", "3: projects[0].adopt_keys: must be off, proven or offered"},
	{"organizations: [acme]", "1: organizations[0]: must be a mapping with keys as name"},
	{"organizations: [{}]", "1: organizations[0]: name is missing"},
	{"organizations:\n- name: a\n- name: b\n- name: a", "4: organizations[2].name: is also that of organizations[0] on line 2; merge the two"},
	{"locations:\n- name: a\n- name: a", "3: locations[1].name: is also that of locations[0] on line 2; merge the two"},
	{"accounts:\n- login: ada\n- login: ADA", "3: accounts[1].login: is also that of accounts[0] on line 2; merge the two"},
	{"accounts:\n- {login: ada, id: 5}\n- {login: bob, id: 5}", "3: accounts[1].id: is also that of accounts[0] on line 2; merge the two"},
	{
		"accounts:\n- {login: ada, uuid: 0198c1e0-5a3b-7c44-9a51-0f6b3c2d1e00}\n- {login: bob, uuid: 0198C1E0-5A3B-7C44-9A51-0F6B3C2D1E00}",
		"3: accounts[1].uuid: is also that of accounts[0] on line 2; merge the two",
	},
	{
		"accounts:\n- login: ada\n  keys:\n  - {name: a, public_key: x}\n  - {name: a, absent: true}",
		"5: accounts[0].keys[1].name: is also that of accounts[0].keys[0] on line 4; merge the two",
	},
	{
		"accounts:\n- login: ada\n  tokens:\n  - {name: a, use: host}\n  - {name: a, use: host}",
		"5: accounts[0].tokens[1].name: is also that of accounts[0].tokens[0] on line 4; merge the two",
	},
	{"projects:\n- name: p\n- name: p", "3: projects[1].name: is also that of projects[0] on line 2; merge the two"},
	{"projects:\n- name: p\n  api_keys: [{name: a}, {name: a}]", "3: projects[0].api_keys[1].name: is also that of projects[0].api_keys[0] on line 3; merge the two"},
	{"devices:\n- hostname: a\n- hostname: a", "3: devices[1].hostname: is also that of devices[0] on line 2; merge the two"},
	{"applications:\n- name: a\n- name: a", "3: applications[1].name: is also that of applications[0] on line 2; merge the two"},
	{
		"applications:\n- name: a\n  authorizations:\n  - {name: x, permission: read-only}\n  - {name: x, permission: read-write}",
		"5: applications[0].authorizations[1].name: is also that of applications[0].authorizations[0] on line 4; merge the two",
	},
	{"accounts: [{name: Ada}]", "1: accounts[0]: login is missing"},
	{"accounts: [{login: }]", "1: accounts[0].login: has no value; it must be text, or the key be left out"},
	{"accounts: [{login: ada, id: 0}]", "1: accounts[0].id: must be a whole number from 1 on"},
	{"accounts: [{login: ada, id: -1}]", "1: accounts[0].id: must be a whole number from 1 on"},
	{"accounts: [{login: ada, id: 9007199254740993}]", "1: accounts[0].id: must be a whole number from 1 on"},
	{"accounts: [{login: ada, uuid: ada}]", "1: accounts[0].uuid: must be a UUID, as 0198c1e0-5a3b-7c44-9a51-0f6b3c2d1e00"},
	{"accounts: [{login: ada, roles: admin}]", "1: accounts[0].roles: must be a list"},
	{"accounts: [{login: ada, roles: [root]}]", "1: accounts[0].roles[0]: must be admin or support"},
	{"accounts: [{login: ada, disabled: maybe}]", "1: accounts[0].disabled: must be true or false, without quotes"},
	{"accounts: [{login: ada, expires_at: tomorrow}]", "1: accounts[0].expires_at: must be a time as 2030-01-31T18:00:00Z, or a day as 2030-01-31"},
	{"accounts: [{login: ada, expires_at: 2030-02-30}]", "1: accounts[0].expires_at: must be a time as 2030-01-31T18:00:00Z, or a day as 2030-01-31"},
	{"accounts: [{login: ada, password: ''}]", "1: accounts[0].password: must be text that is not empty"},
	{"accounts:\n- login: ada\n  password: a\n  password_file: b", "4: accounts[0].password_file: is given beside password; give one of them"},
	{"accounts: [{login: ada, keys: [{name: a}]}]", "1: accounts[0].keys[0]: public_key is missing; give it, public_key_file or absent: true"},
	{"accounts: [{login: ada, tokens: [{name: a}]}]", "1: accounts[0].tokens[0]: use is missing"},
	{"accounts: [{login: ada, tokens: [{name: a, use: host, lifetime: 0s}]}]", "1: accounts[0].tokens[0].lifetime: must be never, or a length of time from 1s on, as 30d or 12h"},
	{"accounts: [{login: ada, tokens: [{name: a, use: host, lifetime: 30}]}]", "1: accounts[0].tokens[0].lifetime: must be never, or a length of time from 1s on, as 30d or 12h"},
	{"applications: [{name: a, authorizations: [{name: x}]}]", "1: applications[0].authorizations[0]: permission is missing"},
	{"applications: [{name: a, authorizations: [{name: x, permission: read-only, oauth2: }]}]", "1: applications[0].authorizations[0].oauth2: has no value; it must be a mapping, or the key be left out"},
	{"settings: {waldr: {}}", `1: settings: unknown key "waldr"; did you mean "waldur"?`},
	{"settings: {waldur: [a]}", "1: settings.waldur: must be a mapping, not a list"},
	{"settings: {keys: {min_rsa_bits: 512}}", "1: settings.keys.min_rsa_bits: must be a whole number from 1024 to 16384"},
	{"settings: {keys: {min_rsa_bits: 2048.0}}", "1: settings.keys.min_rsa_bits: must be a whole number from 1024 to 16384"},
	{"settings: {keys: {allowed_types: ssh-rsa}}", "1: settings.keys.allowed_types: must be a list"},
	{"settings: {keys: {types: [ssh-rsa]}}", `1: settings.keys: unknown key "types"; known here are allowed_types, min_rsa_bits`},
	{"accounts: [{login: ada}]\naccounts: [{login: mallory, roles: [admin]}]", `2: key "accounts" is given twice, first on line 1; remove one`},
	{"accounts: [{login: ada, roles: [support], roles: [admin]}]", `1: accounts[0]: key "roles" is given twice, first on line 1; remove one`},
	{"accounts: []\n---\naccounts: []", "2: a second YAML document begins here; put everything into one, without --- in between"},
}

func TestProblems(t *testing.T) {
	t.Parallel()
	for _, tt := range wrong {
		_, err := Parse("people.yaml", []byte(tt.yaml))
		if want := "people.yaml:" + tt.want; err == nil || err.Error() != want {
			t.Errorf("Parse(%q) = %v, want %s", tt.yaml, err, want)
		}
		if core.KindOf(err) != core.Invalid {
			t.Errorf("Parse(%q): kind %v, want %v", tt.yaml, core.KindOf(err), core.Invalid)
		}
	}
}

// What is wrong with the form does not hide what is wrong with the content.
func TestAllProblemsAreToldAtOnce(t *testing.T) {
	t.Parallel()
	_, err := Parse("people.yaml", []byte(`accounts:
  - login: ada
    emial: ada@example.org
    password_file: none
    keys:
      - {name: a, public_key: x}
      - {name: a}
  - login: ada
    id: one
setings: {}
`))
	want := []string{
		`people.yaml:3: accounts[0]: unknown key "emial"; did you mean "email"?`,
		`people.yaml:4: accounts[0].password_file: read "none": no such file or directory`,
		`people.yaml:7: accounts[0].keys[1].name: is also that of accounts[0].keys[0] on line 6; merge the two`,
		`people.yaml:7: accounts[0].keys[1]: public_key is missing; give it, public_key_file or absent: true`,
		`people.yaml:8: accounts[1].login: is also that of accounts[0] on line 2; merge the two`,
		`people.yaml:9: accounts[1].id: must be a whole number from 1 on`,
		`people.yaml:10: unknown key "setings"; did you mean "settings"?`,
	}
	if diff := cmp.Diff(want, strings.Split(fmt.Sprint(err), "\n")); diff != "" {
		t.Errorf("Parse (-want +got):\n%s", diff)
	}
}

func TestSecretsFromFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"p", "t", "a", "c", "s", "o", "k"} {
		writeFile(t, filepath.Join(dir, name), "from "+name+"\n", 0o600)
	}
	writeFile(t, filepath.Join(dir, "p"), "from p\n", 0o644)
	f, err := Parse(filepath.Join(dir, "people.yaml"), []byte(`
accounts: [{login: ada, password_file: p, tokens: [{name: t, use: host, secret_file: t}], keys: [{name: k, public_key_file: ./k}]}]
projects: [{name: p, api_keys: [{name: a, secret_file: `+dir+`/a}]}]
applications:
  - name: a
    authorizations:
      - name: x
        permission: read-only
        oauth2: {client_secret_file: c}
        oauth1: {consumer_secret_file: s, token_secret_file: o}
`))
	if err != nil {
		t.Fatal(err)
	}
	d := f.Desired()
	x := d.Applications[0].Authorizations[0]
	for _, s := range []struct {
		name string
		got  string
	}{
		{"p", d.Accounts[0].Password.Reveal()},
		{"t", d.Accounts[0].Tokens[0].Secret.Reveal()},
		{"k", d.Accounts[0].Keys[0].PublicKey},
		{"a", d.Projects[0].APIKeys[0].Secret.Reveal()},
		{"c", x.OAuth2.ClientSecret.Reveal()},
		{"s", x.OAuth1.ConsumerSecret.Reveal()},
		{"o", x.OAuth1.TokenSecret.Reveal()},
	} {
		if want := "from " + s.name; s.got != want {
			t.Errorf("the file %s gives %q, want %q", s.name, s.got, want)
		}
	}
	want := fmt.Sprintf("%s/people.yaml:2: accounts[0].password_file: %q has mode 0644, which lets others at it; chmod it to 0600", dir, dir+"/p")
	if w := f.Warnings(); len(w) != 1 || w[0].String() != want {
		t.Errorf("Warnings = %v, want %s", w, want)
	}
}

func TestUnknownKeyTypesAreWarnedOf(t *testing.T) {
	t.Parallel()
	f, err := Parse("people.yaml", []byte("settings:\n  keys:\n    allowed_types:\n    - ssh-ed25519\n    - ssh-ed2519"))
	if err != nil {
		t.Fatal(err)
	}
	const want = `people.yaml:5: settings.keys.allowed_types[1]: "ssh-ed2519" is not a known type of keys; known are ssh-ed25519, `
	if w := f.Warnings(); len(w) != 1 || !strings.HasPrefix(w[0].String(), want) {
		t.Errorf("Warnings = %v, want %s…", w, want)
	}
}

// Secrets must not come out where errors and values are printed.
func TestSecretsAreNeverShown(t *testing.T) {
	t.Parallel()
	for _, yaml := range []string{
		"accounts: [{login: ada, password: hunter2}]",
		"accounts: [{login: ada, password: [hunter2]}]",
		"accounts: [{login: ada, password: {hunter2: x}}]",
		"accounts: [{login: ada, password: *hunter2}]",
		"accounts: [{login: ada, password: !hunter2 x}]",
		"accounts: [{login: ada, password: a: hunter2}]",
		"accounts: [{login: ada, disabled: hunter2, id: hunter2, expires_at: hunter2, roles: [hunter2]}]",
		"projects: [{name: p, api_keys: [{name: a, secret: @hunter2}]}]",
	} {
		f, err := Parse("people.yaml", []byte(yaml))
		shown := fmt.Sprintf("%v %+v", err, err)
		if f != nil {
			shown += fmt.Sprintf("%v %+v %#v", f.Desired(), f.Desired(), f.Desired())
		}
		if strings.Contains(shown, "hunter2") {
			t.Errorf("Parse(%q) shows the secret: %s", yaml, shown)
		}
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	f, err := Parse("people.yaml", []byte("accounts:\n- login: ada\n  email: x\n  keys:\n  - name: a\n    public_key: y\n"))
	if err != nil {
		t.Fatal(err)
	}
	refused := &core.Error{Kind: core.Conflict, Msg: "invalid input", Fields: []core.Field{
		{Path: "accounts[0].keys[0].public_key", Msg: "is no key"},
		{Path: "accounts[0].email", Msg: "is no address"},
		{Path: "accounts[0].login", Msg: "is taken"},
		{Path: "accounts[0].uuid", Msg: "is taken"},
		{Path: "settings.keys", Msg: "is odd"},
	}}
	got := f.Explain(fmt.Errorf("apply: %w", refused))
	const want = `people.yaml:1: settings.keys: is odd
people.yaml:2: accounts[0].login: is taken
people.yaml:2: accounts[0].uuid: is taken
people.yaml:3: accounts[0].email: is no address
people.yaml:6: accounts[0].keys[0].public_key: is no key`
	if got.Error() != want {
		t.Errorf("Explain = %v, want %s", got, want)
	}
	if core.KindOf(got) != core.Conflict {
		t.Errorf("Explain makes it %v, want %v", core.KindOf(got), core.Conflict)
	}
	if _, ok := errors.AsType[*yamlfile.Error](got); !ok {
		t.Errorf("Explain = %T, want a *yamlfile.Error", got)
	}
	for _, other := range []error{nil, errors.New("disk full"), core.Errorf(core.Unavailable, "no master key")} {
		if got := f.Explain(other); got != other { //nolint:errorlint // the very same is wanted
			t.Errorf("Explain(%v) = %v, want it as it is", other, got)
		}
	}
}

// An organization with a hundred thousand keys is no attack.
func TestLargeFile(t *testing.T) {
	t.Parallel()
	const keys = 100_000
	var b strings.Builder
	b.WriteString("accounts:\n- login: ada\n  keys:\n")
	for i := range keys {
		fmt.Fprintf(&b, "  - name: key %d\n    public_key: %s\n", i, laptop)
	}
	f, err := Parse("people.yaml", []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Desired().Accounts[0].Keys; len(got) != keys || got[keys-1].Name != "key 99999" {
		t.Errorf("Parse reads %d keys, want %d", len(got), keys)
	}
	last := f.Explain(&core.Error{Fields: []core.Field{{Path: "accounts[0].keys[99999].public_key", Msg: "m"}}})
	if want := "people.yaml:200003: accounts[0].keys[99999].public_key: m"; last.Error() != want {
		t.Errorf("Explain = %v, want %s", last, want)
	}
}
