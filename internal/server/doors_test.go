package server_test

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"keyrack/internal/server"
)

var discard = slog.New(slog.DiscardHandler)

// accessWorld holds the actors of the matrix. Two organizations mirror each
// other; ada owns what is asked for.
const accessWorld = `
organizations: [{name: acme}, {name: zeta}]
locations: [{name: berlin}, {name: paris}]
accounts:
  - {login: ada, name: Ada Example, email: ada@example.org, password: correct-horse-battery, organizations: [acme], locations: [berlin], tokens: [
      {name: t, use: host, secret: hostOwner0000000000000000000000000000000}, {name: w, use: waldur, secret: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa},
      {name: t, use: foreman, secret: patOwner000000000000000000000},
      {name: app, use: raidboxes, secret: raidboxesOwner0000000000000000000},
      {name: past, use: foreman, secret: patExpired0000000000000000000, expires_at: 2020-01-01},
      {name: gone, use: raidboxes, secret: raidboxesExpired000000000000000000, expires_at: 2020-01-01},
      {name: past, use: waldur, secret: 9999999999999999999999999999999999999999, expires_at: 2020-01-01},
      {name: old, use: host, secret: hostExpired00000000000000000000000000000, expires_at: 2020-01-01}]}
  - {login: bob, name: Bob Example, email: bob@example.org, password: correct-horse-battery, organizations: [zeta], locations: [paris], tokens: [
      {name: t, use: host, secret: hostOther0000000000000000000000000000000}, {name: w, use: waldur, secret: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb},
      {name: t, use: foreman, secret: patOther000000000000000000000},
      {name: app, use: raidboxes, secret: raidboxesOther0000000000000000000}]}
  - {login: sam, name: Sam Support, email: sam@example.org, password: correct-horse-battery, roles: [support], organizations: [acme], tokens: [
      {name: t, use: host, secret: hostSupport00000000000000000000000000000}, {name: w, use: waldur, secret: cccccccccccccccccccccccccccccccccccccccc},
      {name: t, use: foreman, secret: patSupport0000000000000000000},
      {name: app, use: raidboxes, secret: raidboxesSupport0000000000000000000}]}
  - {login: root, name: Root Admin, email: root@example.org, password: correct-horse-battery, roles: [admin], organizations: [acme], tokens: [
      {name: t, use: host, secret: hostAdmin0000000000000000000000000000000}, {name: w, use: waldur, secret: dddddddddddddddddddddddddddddddddddddddd},
      {name: t, use: foreman, secret: patAdmin000000000000000000000},
      {name: app, use: raidboxes, secret: raidboxesAdmin0000000000000000000}]}
  - {login: dan, name: Dan Disabled, email: dan@example.org, password: correct-horse-battery, disabled: true, organizations: [acme], tokens: [
      {name: t, use: host, secret: hostDisabled0000000000000000000000000000}, {name: w, use: waldur, secret: eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee},
      {name: t, use: foreman, secret: patDisabled000000000000000000},
      {name: app, use: raidboxes, secret: raidboxesDisabled0000000000000000000}]}
projects:
  - {name: onboarding, organization: acme, api_keys: [
      {name: ci, secret: apiOwner00000000000000000000000000000000},
      {name: old, secret: apiExpired000000000000000000000000000000, expires_at: 2020-01-01}]}
  - {name: another, organization: zeta, api_keys: [{name: ci, secret: apiOther00000000000000000000000000000000}]}
`

// doors by face; that of the server's own paths takes no credential.
var doors = map[string]door{"server": {}, "native": nativeDoor, "sshverify": sshverifyDoor, "senhasegura": senhaseguraDoor, "waldur": waldurDoor, "raidboxes": raidboxesDoor, "foreman": foremanDoor}

// The applications of two tenants; the client's id is its secret's beginning.
const accessApplications = `
devices: [{hostname: web, organization: acme, ip: 10.0.0.5}]
applications:
  - {name: deploy, organization: acme, authorizations: [
      {name: ci, permission: read-write, resources: [pam-core], allowed_ips: ["*"], oauth2: {client_id: a2aOwner, client_secret: a2aOwner00000000000000000000000000000000}}]}
  - {name: foreign, organization: zeta, authorizations: [
      {name: ci, permission: read-write, resources: [pam-core], allowed_ips: ["*"], oauth2: {client_id: a2aOther, client_secret: a2aOther00000000000000000000000000000000}}]}
`

// nowhere is the UUID of nothing.
const nowhere = "0190a0b0-0000-7000-8000-00000000dead"

// bearer is a credential as RFC 6750 has it.
func bearer(secret string) http.Header { return http.Header{"Authorization": {"Bearer " + secret}} }

func apiKey(secret string) http.Header { return http.Header{"X-Api-Key": {secret}} }

var nativeDoor = door{
	credential: bearer,
	secrets: map[string]string{
		"wrong": "hostWrong0000000000000000000000000000000", "owner": "hostOwner0000000000000000000000000000000",
		"other": "hostOther0000000000000000000000000000000", "support": "hostSupport00000000000000000000000000000",
		"admin": "hostAdmin0000000000000000000000000000000", "disabled": "hostDisabled0000000000000000000000000000",
		"expired": "hostExpired00000000000000000000000000000",
	},
	make: func(*testing.T, asker, server.Route) map[string]string {
		return map[string]string{"login": "ada"}
	},
	absent: map[string]string{"login": "nobody"},
}

var sshverifyDoor = door{
	credential: apiKey,
	secrets: map[string]string{
		"wrong": "apiWrong00000000000000000000000000000000", "owner": apiOwner,
		"other": "apiOther00000000000000000000000000000000", "expired": "apiExpired000000000000000000000000000000",
	},
	make:   sshverifyObjects,
	absent: map[string]string{"session": nowhere, "webhook": nowhere},
	bodies: map[string]string{
		"POST /api/v1/ssh/verify/sessions/":                                `{"keys": [{"public_key": "` + accessKey + `"}]}`,
		"PATCH /api/v1/ssh/verify/sessions/{session}/":                     `{"external_id": "x"}`,
		"POST /api/v1/ssh/collect/sessions/{session}/webhooks/":            accessHook,
		"POST /api/v1/ssh/verify/sessions/{session}/webhooks/":             accessHook,
		"PUT /api/v1/ssh/collect/sessions/{session}/webhooks/{webhook}/":   changedHook,
		"PATCH /api/v1/ssh/collect/sessions/{session}/webhooks/{webhook}/": changedHook,
		"PUT /api/v1/ssh/verify/sessions/{session}/webhooks/{webhook}/":    changedHook,
		"PATCH /api/v1/ssh/verify/sessions/{session}/webhooks/{webhook}/":  changedHook,
	},
}

const (
	apiOwner   = "apiOwner00000000000000000000000000000000"
	accessKey  = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBk6k7EMuYtAVb7JHtU98Zx8ROZ9D5WipUVvnBDlzsW5"
	accessHook = `{"url": "https://app.example.org/hooks"}`

	changedHook = `{"url": "https://app.example.org/hooks", "method": "put", "events": [], "headers": {}, "retries": 1,
		"initial_backoff": 30, "backoff_multiplier": 2}`
)

// sshverifyObjects makes a session of the route's kind, with a webhook.
func sshverifyObjects(t *testing.T, ask asker, route server.Route) map[string]string {
	t.Helper()
	kind, body := "collect", `{"multi_connection": true, "webhooks": [`+accessHook+`]}`
	if strings.Contains(route.Path, "/verify/") {
		kind = "verify"
		body = `{"multi_connection": true, "keys": [{"public_key": "` + accessKey + `"}], "webhooks": [` + accessHook + `]}`
	}
	var made struct {
		ID       string
		Webhooks []struct{ ID string }
	}
	status, reply, _ := ask(http.MethodPost, "/api/v1/ssh/"+kind+"/sessions/", body, apiKey(apiOwner))
	if err := json.Unmarshal(reply, &made); err != nil || status != http.StatusCreated || len(made.Webhooks) != 1 {
		t.Fatalf("make a session: %d %s (%v)", status, reply, err)
	}
	return map[string]string{"session": made.ID, "webhook": made.Webhooks[0].ID}
}

var senhaseguraDoor = door{
	credential: bearer,
	secrets: map[string]string{
		"wrong": "a2aWrong00000000000000000000000000000000", "owner": "a2aOwner00000000000000000000000000000000",
		"other": "a2aOther00000000000000000000000000000000",
	},
	login:  accessToken,
	make:   senhaseguraObjects,
	absent: map[string]string{"id": "999999"},
	tells:  true,
	broken: []string{"GET /api/pam/key", "GET /iso/pam/key"},
	bodies: map[string]string{
		"POST /api/oauth2/token": tokenRequest("a2aOwner00000000000000000000000000000000"),
		"POST /iso/oauth2/token": tokenRequest("a2aOwner00000000000000000000000000000000"),
		"POST /api/pam/key":      accessPair, "POST /iso/pam/key": accessPair,
		"POST /api/pam/device": accessDevice, "POST /iso/pam/device": accessDevice,
	},
}

const (
	accessPair   = `{"hostname": "web", "ip": "10.0.0.5", "private_key": "p", "public_key": "q"}`
	accessDevice = `{"hostname": "db", "ip": "10.0.0.6", "model": "m", "type": "t", "vendor": "v", "site": "s"}`
)

func tokenRequest(secret string) string {
	return `{"grant_type": "client_credentials", "client_id": "` + secret[:8] + `", "client_secret": "` + secret + `"}`
}

// accessToken fetches an access token; one who has no client's secret shows it
// as it is.
func accessToken(ask asker, secret string) string {
	if strings.HasPrefix(secret, "a2aWrong") {
		return secret // asking with it time and again locks the address out
	}
	var got struct {
		AccessToken string `json:"access_token"`
	}
	_, reply, _ := ask(http.MethodPost, "/api/oauth2/token", tokenRequest(secret), http.Header{})
	if err := json.Unmarshal(reply, &got); err != nil || got.AccessToken == "" {
		return secret
	}
	return got.AccessToken
}

// senhaseguraObjects makes a key that is read, or a device, as the route wants
// it: switched off for who switches it on.
func senhaseguraObjects(t *testing.T, ask asker, route server.Route) map[string]string {
	t.Helper()
	owner := bearer(accessToken(ask, "a2aOwner00000000000000000000000000000000"))
	path, body := "/api/pam/key", accessPair
	if strings.Contains(route.Path, "/device") {
		path, body = "/api/pam/device", strings.Replace(accessDevice, "db", rand.Text(), 1)
	}
	var made struct{ Key, Device struct{ ID string } }
	status, reply, _ := ask(http.MethodPost, path, body, owner)
	if err := json.Unmarshal(reply, &made); err != nil || status != http.StatusCreated {
		t.Fatalf("POST %s: %d %s (%v)", path, status, reply, err)
	}
	id := made.Key.ID + made.Device.ID
	switch {
	case route.Method == http.MethodPut:
		ask(http.MethodDelete, path+"/"+id, "", owner)
	case strings.Contains(route.Path, "/custody/"):
		ask(http.MethodGet, path+"/"+id, "", owner)
	}
	return map[string]string{"id": id}
}

// token is a credential as Waldur has it.
func token(secret string) http.Header { return http.Header{"Authorization": {"Token " + secret}} }

var waldurDoor = door{
	credential: token,
	secrets: map[string]string{
		"wrong": strings.Repeat("0", 40), "owner": waldurOwner, "other": strings.Repeat("b", 40), "support": strings.Repeat("c", 40),
		"admin": strings.Repeat("d", 40), "disabled": strings.Repeat("e", 40), "expired": strings.Repeat("9", 40),
	},
	make:   waldurObjects,
	absent: map[string]string{"uuid": nowhere},
	bodies: map[string]string{
		"POST /api-auth/password/": `{"username": "ada", "password": "correct-horse-battery"}`,
		"POST /api/keys/":          `{"name": "made", "public_key": "` + accessKey + `"}`,
	},
}

var waldurOwner = strings.Repeat("a", 40)

// waldurObjects makes a key, or gives the owner himself. Who has logged out
// makes none.
func waldurObjects(t *testing.T, ask asker, route server.Route) map[string]string {
	t.Helper()
	var made struct{ UUID string }
	switch {
	case strings.HasPrefix(route.Path, "/api-auth/"):
		return nil
	case strings.HasPrefix(route.Path, "/api/users/"):
		_, reply, _ := ask(http.MethodGet, "/api/users/me/", "", token(waldurOwner))
		if err := json.Unmarshal(reply, &made); err != nil {
			t.Fatal(err)
		}
	default:
		body := `{"name": "` + uuid.NewString() + `", "public_key": "` + accessKey + `"}`
		status, reply, _ := ask(http.MethodPost, "/api/keys/", body, token(waldurOwner))
		if err := json.Unmarshal(reply, &made); err != nil || status != http.StatusCreated {
			t.Fatalf("make a key: %d %s (%v)", status, reply, err)
		}
	}
	return map[string]string{"uuid": made.UUID}
}

// raidboxesDoor shows tokens, which application passwords log in to.
var raidboxesDoor = door{
	credential: bearer,
	secrets: map[string]string{
		"wrong": "nobody@example.org raidboxesWrong00000000000000000000", "owner": raidboxesOwner,
		"other": "bob@example.org raidboxesOther0000000000000000000", "support": "sam@example.org raidboxesSupport0000000000000000000",
		"admin": "root@example.org raidboxesAdmin0000000000000000000", "disabled": "dan@example.org raidboxesDisabled0000000000000000000",
		"expired": "ada@example.org raidboxesExpired000000000000000000",
	},
	login:  raidboxesToken,
	make:   raidboxesKey,
	absent: map[string]string{"id": "22222222"},
	bodies: map[string]string{"POST /v1/ssh-keys": `{"title": "laptop", "key": "` + accessKey + `"}`},
}

const raidboxesOwner = "ada@example.org raidboxesOwner0000000000000000000"

// raidboxesToken logs in; who is refused shows what he has tried with.
func raidboxesToken(ask asker, secret string) string {
	email, password, _ := strings.Cut(secret, " ")
	_, _, got := ask(http.MethodPost, "/v1/login", `{"email": "`+email+`", "password": "`+password+`"}`, http.Header{})
	return cmp.Or(got.Get("access_token"), password)
}

// raidboxesKey makes a key of the owner's. A key is had once, so one that is
// there is taken away.
func raidboxesKey(t *testing.T, ask asker, _ server.Route) map[string]string {
	t.Helper()
	owner := bearer(raidboxesToken(ask, raidboxesOwner))
	var list []struct{ ID string }
	_, reply, _ := ask(http.MethodGet, "/v1/ssh-keys", "", owner)
	if err := json.Unmarshal(reply, &list); err != nil {
		t.Fatalf("list keys: %s (%v)", reply, err)
	}
	for _, k := range list {
		ask(http.MethodDelete, "/v1/ssh-keys/"+k.ID, "", owner)
	}
	var made struct{ Data struct{ ID string } }
	status, reply, _ := ask(http.MethodPost, "/v1/ssh-keys", raidboxesBody, owner)
	if err := json.Unmarshal(reply, &made); err != nil || status != http.StatusCreated {
		t.Fatalf("make a key: %d %s (%v)", status, reply, err)
	}
	return map[string]string{"id": made.Data.ID}
}

// raidboxesBody is the key that is made for others to ask for.
const raidboxesBody = `{"title": "laptop", "key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH6nURabSSP+wFG0izqGILWdsb9wt5kiPzzez+/KuhfU"}`
