package apply

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyrack/internal/core"
	"keyrack/internal/password"
	"keyrack/internal/store"
	"keyrack/internal/store/storetest"
	"keyrack/internal/vault"
)

// world is an empty store with the use cases over it.
type world struct {
	core  *core.Service
	store *store.Store
}

func newWorld(t *testing.T) world {
	t.Helper()
	dir := t.TempDir()
	v, err := vault.Create(vault.Options{MasterKeyFile: filepath.Join(dir, "master.key"), KeysetFile: filepath.Join(dir, "keyset.json")})
	if err != nil {
		t.Fatal(err)
	}
	s := storetest.SQLite(t)
	cheap := password.Cost{Time: 1, Memory: 64, Threads: 1}
	return world{core: core.New(core.Options{Store: s, Vault: v, PasswordCost: cheap}), store: s}
}

// apply parses and applies a file, as `keyrack apply` does.
func (w world) apply(t *testing.T, name string, content []byte, dryRun bool) ([]core.ChangeLine, error) {
	t.Helper()
	f, err := Parse(name, content)
	if err != nil {
		return nil, err
	}
	lines, err := w.core.Apply(t.Context(), core.Operator("test"), f.Desired(), dryRun)
	if err != nil {
		return nil, f.Explain(err)
	}
	return lines, nil
}

// events counts what the store has recorded as done: nothing is changed
// without such a record.
func (w world) events(t *testing.T) int {
	t.Helper()
	var n int
	err := w.store.View(t.Context(), func(tx core.Tx) error {
		events, err := tx.AuditEvents(core.AuditQuery{Limit: 1000})
		n = len(events)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func text(lines []core.ChangeLine) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = strings.TrimSpace(fmt.Sprintf("%s %s %s", l.Op, l.Object, strings.Join(l.Fields, ",")))
	}
	return out
}

// made lists the secrets that lines tell.
func made(lines []core.ChangeLine) []string {
	var out []string
	for _, l := range lines {
		for name := range l.Secrets {
			out = append(out, l.Object+" "+name)
		}
	}
	slices.Sort(out)
	return out
}

func TestApplyTheManualsExample(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	name, content := manual(t)
	want := []string{
		"create organization acme", "create location berlin",
		"create account ada", "create token ada/waldur/sdk", "create token ada/host/web1", "create key ada/laptop", "create key ada/phone",
		"create policy servers", "create project onboarding", "create api key onboarding/ci",
		"create device w2016",
		"create application deploy", "create authorization deploy/ci",
		"create settings devices", "create settings keys", "create settings waldur",
	}
	slices.Sort(want)

	would, err := w.apply(t, name, content, true)
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(slices.Values(text(would))); !slices.Equal(got, want) {
		t.Errorf("dry run (-want +got):\n%s", cmp.Diff(want, got))
	}
	if n := w.events(t); n != 0 {
		t.Errorf("the dry run did %d things", n)
	}

	did, err := w.apply(t, name, content, false)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text(would), text(did)); diff != "" {
		t.Errorf("the run did not do what the dry run told (-told +done):\n%s", diff)
	}
	secrets := []string{
		"authorization deploy/ci oauth1.consumer_key", "authorization deploy/ci oauth1.consumer_secret",
		"authorization deploy/ci oauth1.token", "authorization deploy/ci oauth1.token_secret", "token ada/host/web1 secret",
	}
	if diff := cmp.Diff(secrets, made(did)); diff != "" {
		t.Errorf("secrets made (-want +got):\n%s", diff)
	}

	before := w.events(t)
	again, err := w.apply(t, name, content, false)
	if err != nil || len(again) > 0 || w.events(t) != before {
		t.Errorf("the second run = %v, %v, with %d new events; want nothing", text(again), err, w.events(t)-before)
	}
}

func TestApplyChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := `
accounts:
- login: ada
  name: Ada
  keys: [{name: laptop, public_key: ` + laptop + `}, {name: phone, public_key: ` + phone + `}]
  tokens: [{name: t, use: host, secret: keyrack_host_0123456789abcdef0123456789}]
projects: [{name: p, api_keys: [{name: a}]}]
settings: {waldur: {b: 1, a: 2}}
`
	after := `
accounts:
- login: Ada
  roles: [support]
  keys: [{name: laptop, public_key: ` + laptop + `, shared: true}, {name: phone, absent: true}, {name: never, absent: true}]
  tokens: [{name: t, use: host, absent: true}]
projects: [{name: p, adopt_keys: offered}]
settings: {waldur: {a: 2, b: 1}, foreman: {}}
`
	if _, err := w.apply(t, "before.yaml", []byte(before), false); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"create settings foreman",
		"update account Ada login,name,roles",
		"remove token Ada/host/t",
		"remove key Ada/phone",
		"update key Ada/laptop shared",
		"update project p adopt_keys",
	}
	lines, err := w.apply(t, "after.yaml", []byte(after), false)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, text(lines)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if again, err := w.apply(t, "after.yaml", []byte(after), false); err != nil || len(again) > 0 {
		t.Errorf("the second run = %v, %v; want nothing", text(again), err)
	}
}

// Core says what is wrong in its own words; the file's name and line come from here.
func TestApplyExplainsWhatCoreRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, yaml, want string }{
		{"login", "accounts:\n- login: a b", "2: accounts[0].login: "},
		{"e-mail", "accounts:\n- login: ada\n  email: none", "3: accounts[0].email: "},
		{"name", "accounts:\n- login: ada\n  name: \"\\e[2J\"", "3: accounts[0].name: "},
		{"password", "accounts:\n- login: ada\n  password: short", "3: accounts[0].password: must have at least 12 characters"},
		{"password in a file", "accounts:\n- login: ada\n  password_file: short", "3: accounts[0].password_file: must have at least 12 characters"},
		{"organization", "accounts:\n- login: ada\n  organizations:\n  - acme\n  - none", `5: accounts[0].organizations[1]: no organization is named "none"`},
		{"location", "accounts:\n- login: ada\n  locations: [none]", `3: accounts[0].locations[0]: no location is named "none"`},
		{"token's use", "accounts:\n- login: ada\n  tokens:\n  - name: a\n    use: jenkins", "5: accounts[0].tokens[0].use: "},
		{"token's secret", "accounts:\n- login: ada\n  tokens:\n  - {name: a, use: host, secret: abcdefghijklmnopqrstuvwx}\n  - {name: b, use: host, secret: abcdefghijklmnopqrstuvwx}", "5: accounts[0].tokens[1].secret: is already in use"},
		{"key", "accounts:\n- login: ada\n  keys:\n  - name: a\n    public_key: ssh-ed25519 AAAA", "5: accounts[0].keys[0].public_key: "},
		{"private key", "accounts:\n- login: ada\n  keys:\n  - name: a\n    public_key: |\n      -----BEGIN OPENSSH PRIVATE KEY-----", "5: accounts[0].keys[0].public_key: "},
		{"key twice", "accounts:\n- login: ada\n  keys:\n  - {name: a, public_key: " + laptop + "}\n  - {name: b, public_key: " + laptop + "}", "5: accounts[0].keys[1].public_key: is already a key of this account"},
		{"organization's name", "organizations:\n- name: acme\n- name: \"a\\0\"", "3: organizations[1].name: "},
		{"project's organization", "projects:\n- name: p\n  organization: none", `3: projects[0].organization: no organization is named "none"`},
		{"API key's secret", "projects:\n- name: p\n  api_keys:\n  - {name: a, secret: abcdefghijklmnopqrstuvwx}\n  - {name: b, secret: abcdefghijklmnopqrstuvwx}", "5: projects[0].api_keys[1].secret: is already in use"},
		{"device", "devices:\n- hostname: \"\"", "2: devices[0].hostname: must not be empty"},
		{"permission", "applications:\n- name: a\n  authorizations:\n  - {name: x, permission: all}", "4: applications[0].authorizations[0].permission: must be read-only or read-write"},
		{"resource", "applications:\n- name: a\n  authorizations:\n  - name: x\n    permission: read-only\n    resources: [all]", "6: applications[0].authorizations[0].resources[0]: must be one of pam-core, certificate-manager, task-manager, dashboards, web-proxy-session, users, system, a2a"},
		{"network", "applications:\n- name: a\n  authorizations:\n  - name: x\n    permission: read-only\n    allowed_ips: [localhost]", "6: applications[0].authorizations[0].allowed_ips[0]: "},
		{
			"client", "applications:\n- name: a\n  authorizations:\n  - {name: x, permission: read-only, oauth2: {client_id: c}}\n  - {name: y, permission: read-only, oauth2: {client_id: c}}",
			"5: applications[0].authorizations[1].oauth2.client_id: is another authorization's",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			path := filepath.Join(t.TempDir(), "people.yaml")
			writeFile(t, filepath.Join(filepath.Dir(path), "short"), "short\n", 0o600)
			content := []byte(tt.yaml)
			if !strings.HasPrefix(tt.yaml, "organizations") {
				content = []byte(tt.yaml + "\norganizations: [{name: acme}]\n")
			}
			_, err := w.apply(t, path, content, false)
			if want := path + ":" + tt.want; err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("apply %q = %v, want %s", tt.yaml, err, want)
			}
			if n := w.events(t); n != 0 {
				t.Errorf("apply %q did %d things and then refused", tt.yaml, n)
			}
		})
	}
}

func TestApplyExplainsAllThatCoreRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.apply(t, "people.yaml", []byte(`organizations: [{name: acme}]
accounts:
  - login: ada
    organizations: [acmee]
    email: x
  - login: bob
    keys:
      - {name: a, public_key: nonsense}
projects:
  - name: p
    organization: none
`), false)
	want := []string{"4: accounts[0].organizations[0]", "5: accounts[0].email", "8: accounts[1].keys[0].public_key", "11: projects[0].organization"}
	var got []string
	for line := range strings.SplitSeq(fmt.Sprint(err), "\n") {
		place, _, _ := strings.Cut(strings.TrimPrefix(line, "people.yaml:"), ": ")
		path, _, _ := strings.Cut(strings.TrimPrefix(line, "people.yaml:"+place+": "), ": ")
		got = append(got, place+": "+path)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("apply = %v (-want +got):\n%s", err, diff)
	}
	if n := w.events(t); n != 0 {
		t.Errorf("apply did %d things and then refused", n)
	}
}

// What only the store knows is led back to the file as well.
func TestApplyExplainsConflictsWithTheStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const id = "0198c1e0-5a3b-7c44-9a51-0f6b3c2d1e00"
	if _, err := w.apply(t, "first.yaml", []byte("accounts: [{login: ada, id: 5, uuid: "+id+"}]"), false); err != nil {
		t.Fatal(err)
	}
	before := w.events(t)
	for yaml, want := range map[string]string{
		"accounts:\n- login: bob\n  uuid: " + id: "second.yaml:3: accounts[0].uuid: is another account's",
		"accounts:\n- login: bob\n  id: 5":       "second.yaml:3: accounts[0].id: is another account's",
	} {
		if _, err := w.apply(t, "second.yaml", []byte(yaml), false); err == nil || err.Error() != want {
			t.Errorf("apply %q = %v, want %s", yaml, err, want)
		}
	}
	if n := w.events(t); n != before {
		t.Errorf("apply did %d things and then refused", n-before)
	}
}
