package server_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"keyrack/internal/server"
)

// foreignFields are members that no body may set: what a thing is, whose it is,
// since when, and what its owner may do. Their values are found again wherever
// one is kept; of those that are true, the reply tells.
var foreignFields = map[string]any{
	"id": 987654321, "uuid": "c4a4a4a4-0000-7000-8000-00000000c4a4", "pk": 987654321, "url": "https://c4nary.example.org/",
	"owner": "c4nary-owner", "owner_id": 987654321, "user": "c4nary-user", "user_id": 987654321, "user_uuid": "c4a4a4a4-0000-7000-8000-00000000c4a4",
	"account": "c4nary-account", "account_id": 987654321, "created_by": "c4nary-maker", "project": "c4nary-project", "project_id": 987654321,
	"tenant": "c4nary-tenant", "tenant_id": 987654321, "organization": "c4nary-organization", "organization_id": 987654321,
	"role": "c4nary-role", "roles": []string{"admin"}, "role_ids": []int{1}, "is_admin": true, "admin": true, "is_staff": true, "is_support": true,
	"is_superuser": true, "permissions": []string{"c4nary-permission"}, "permission": "c4nary-permission", "rights": []string{"edit_users"},
	"verified": true, "verified_at": "2001-02-03T04:05:06Z", "proven": true, "evidence": "c4nary-evidence", "status": "completed", "state": "c4nary-state",
	"created_at": "2001-02-03T04:05:06Z", "updated_at": "2001-02-03T04:05:06Z", "last_used_at": "2001-02-03T04:05:06Z", "last_login_on": "2001-02-03T04:05:06Z",
	"fingerprint": "c4nary-fingerprint", "fingerprint_sha256": "c4nary-fingerprint", "connection_identifier": "c4nary-identifier",
	"connections": []any{map[string]any{"id": "c4nary-connection"}}, "attempts": 987654321, "password_hash": "c4nary-hash", "shared": true, "version": 987654321,
}

// fieldBodies are good bodies of routes, anew each time: N is a number, and KEY
// a key, that were not there before.
var fieldBodies = map[string]string{
	"foreman POST /api/users/{user_id}/ssh_keys":               `{"ssh_key": {"name": "nN", "key": "KEY"}}`,
	"foreman POST /api/users/{user_id}/personal_access_tokens": `{"personal_access_token": {"name": "nN"}}`,
	"foreman POST /api/users":                                  `{"user": {"login": "nN", "auth_source_id": 1, "password": "correct-horse-battery"}}`,
	"foreman PUT /api/users/{id}":                              `{"user": {"firstname": "Ada"}}`,
	"raidboxes POST /v1/ssh-keys":                              `{"title": "nN", "key": "KEY"}`,
	"raidboxes POST /v1/login":                                 `{"email": "ada@example.org", "password": "raidboxesOwner0000000000000000000"}`,
	"waldur POST /api/keys/":                                   `{"name": "nN", "public_key": "KEY"}`,
	"senhasegura POST /api/pam/key":                            `{"identifier": "nN", "hostname": "web", "ip": "10.0.0.5", "private_key": "p", "public_key": "q"}`,
	"senhasegura POST /iso/pam/key":                            `{"identifier": "nN", "hostname": "web", "ip": "10.0.0.5", "private_key": "p", "public_key": "q"}`,
	"senhasegura POST /api/pam/device":                         `{"hostname": "nN", "ip": "10.0.0.6", "model": "m", "type": "t", "vendor": "v", "site": "s"}`,
	"senhasegura POST /iso/pam/device":                         `{"hostname": "nN", "ip": "10.0.0.6", "model": "m", "type": "t", "vendor": "v", "site": "s"}`,
}

// ownFields are those among them that a route takes from whoever may use it.
var ownFields = map[string][]string{
	"foreman POST /api/users/{user_id}/ssh_keys":                                 {"user"},
	"sshverify PATCH /api/v1/ssh/collect/sessions/{session}/webhooks/{webhook}/": {"url"},
	"sshverify PATCH /api/v1/ssh/verify/sessions/{session}/webhooks/{webhook}/":  {"url"},
}

// TestForeignFields adds to each body that a face takes what is not the
// sender's to say. The answer is a refusal, or the same as without, and nothing
// of it is kept.
func TestForeignFields(t *testing.T) {
	t.Parallel()
	c, address, routes := serveAll(t)
	accounts := command(t, c, "", "account", "list", "--json")
	f := &fielder{t: t, ask: askerOf(t, address)}
	for _, route := range routes {
		writes := []string{http.MethodPost, http.MethodPut, http.MethodPatch}
		if slices.Contains(writes, route.Method) && doors[route.Face].credential != nil && !strings.Contains(route.Path, "logout") {
			f.try(route)
		}
	}
	for _, login := range []string{"bob", "sam", "root", "dan"} {
		if keys := strings.TrimSpace(command(t, c, "", "key", "list", "--owner", login, "--json")); keys != "[]" {
			t.Errorf("%s has keys that another made: %s", login, keys)
		}
	}
	if after := oldAccounts(t, accounts, command(t, c, "", "account", "list", "--json")); after != "" {
		t.Error(after)
	}
	wantNoCanary(t, c.DataDir)
}

// oldAccounts tells what has become another of the accounts there were.
func oldAccounts(t *testing.T, before, after string) string {
	t.Helper()
	read := func(text string) map[string]map[string]any {
		var list []map[string]any
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			t.Fatal(err)
		}
		of := map[string]map[string]any{}
		for _, a := range list {
			delete(a, "name") // ada changes hers
			of[fmt.Sprint(a["login"])] = a
		}
		return of
	}
	is := read(after)
	for login, was := range read(before) {
		if fmt.Sprint(was) != fmt.Sprint(is[login]) {
			return fmt.Sprintf("account %s was %v, is %v", login, was, is[login])
		}
	}
	return ""
}

func wantNoCanary(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if at := bytes.Index(text, []byte("c4nary")); at >= 0 {
			t.Errorf("%s keeps %.80q", filepath.Base(path), text[max(0, at-20):])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// fielder sends bodies with members that are not theirs.
type fielder struct {
	t      *testing.T
	ask    asker
	serial int
}

func (f *fielder) try(route server.Route) {
	f.t.Helper()
	name := route.Face + " " + route.Method + " " + route.Path
	first, second := f.send(route, "", nil), f.send(route, "", nil)
	if first.status >= 400 {
		f.t.Errorf("%s = %d %s, want a request that succeeds", name, first.status, first.reply)
		return
	}
	same := agreed(leaves(first.reply), leaves(second.reply))
	for _, field := range slices.Sorted(maps.Keys(foreignFields)) {
		if slices.Contains(ownFields[name], field) {
			continue
		}
		got := f.send(route, field, foreignFields[field])
		if got.status >= 500 {
			f.t.Errorf("%s with %s = %d %s", name, field, got.status, got.reply)
		}
		if got.status >= 400 {
			continue
		}
		is := leaves(got.reply)
		for member, want := range same {
			if is[member] != want {
				f.t.Errorf("%s with %s: %s = %q, want %q as without", name, field, member, is[member], want)
			}
		}
		for _, sign := range []string{"c4nary", "987654321", "c4a4a4a4", "2001-02-03"} {
			if strings.Contains(got.reply, sign) {
				f.t.Errorf("%s with %s keeps it: %s", name, field, got.reply)
			}
		}
	}
}

// send sends a good body, with a member more on each level where one is named
// that it does not have.
func (f *fielder) send(route server.Route, field string, value any) answer {
	f.t.Helper()
	d := doors[route.Face]
	f.serial++
	text, given := fieldBodies[route.Face+" "+route.Method+" "+route.Path]
	if !given {
		text = cmp.Or(d.bodies[route.Method+" "+route.Path], "{}")
	}
	text = strings.NewReplacer("nN", fmt.Sprintf("n%06d", f.serial), "KEY", newKey(f.t)).Replace(text)
	body := map[string]any{}
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		f.t.Fatalf("%s: %v", text, err)
	}
	if field != "" {
		for _, inner := range body {
			if inner, ok := inner.(map[string]any); ok && inner[field] == nil {
				inner[field] = value
			}
		}
		if body[field] == nil {
			body[field] = value
		}
	}
	sent, err := json.Marshal(body)
	if err != nil {
		f.t.Fatal(err)
	}
	actor := "owner"
	if route.Face == "foreman" && route.Path == "/api/users" {
		actor = "admin"
		if slices.Contains([]string{"admin", "role_ids", "roles"}, field) {
			actor = "owner" // an administrator may
		}
	}
	path := d.pathOf(f.t, f.ask, route)
	status, reply, _ := f.ask(route.Method, path, string(sent), d.headers(f.ask, route.Face, actor)[0])
	return answer{status, string(reply)}
}

// leaves are the values of a reply by where they stand.
func leaves(reply string) map[string]string {
	var value any
	all := map[string]string{}
	if json.Unmarshal([]byte(reply), &value) == nil {
		gather(all, "", value)
	}
	return all
}

func gather(into map[string]string, at string, value any) {
	switch value := value.(type) {
	case map[string]any:
		for name, v := range value {
			gather(into, at+"."+name, v)
		}
	case []any:
		for i, v := range value {
			gather(into, fmt.Sprint(at, ".", i), v)
		}
	default:
		into[at] = fmt.Sprint(value)
	}
}

var clockText = regexp.MustCompile(`\d\d:\d\d`)

// agreed is what two answers to the same have in common. Times are no part of
// it, nor how many bits a key has, less those before its first one.
func agreed(a, b map[string]string) map[string]string {
	same := map[string]string{}
	for name, value := range a {
		if b[name] == value && !clockText.MatchString(value) && name != ".length" {
			same[name] = value
		}
	}
	return same
}
