package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"keyrack/test/rig"
)

// configuration lifts the limits that one client would run into.
const configuration = `
faces:
  sshverify: {requests_per_minute: 1000000}
  raidboxes: {logins_per_minute: 1000000, creates_per_minute: 1000000, requests_per_minute: 1000000}
http: {trusted_proxies: [127.0.0.0/8]}
ssh: {per_source: 100000, max_connections: 100000, per_minute: 1000000}
log: {level: error}
`

// makers is how many accounts add keys in turn. On PostgreSQL those who change
// the same account's keys at once would wait for each other.
const makers = 50

// secret is a credential of 40 characters.
func secret(kind, n int) string { return fmt.Sprintf("%08d%032d", kind, n) }

// Kinds of secret.
const (
	waldurSecret = iota + 1
	foremanSecret
	raidboxesSecret
	hostSecret
	projectSecret
	clientSecret
)

// people is the apply file of those who ask: an administrator, makers of keys,
// one who only reads his own, a project, and an application.
func people() string {
	var b strings.Builder
	fmt.Fprintf(&b, `accounts:
  - {login: asker, id: 1, roles: [admin], tokens: [
      {name: host, use: host, secret: "%s"}, {name: f, use: foreman, secret: "%s"}, {name: w, use: waldur, secret: "%s"}]}
`, secret(hostSecret, 0), secret(foremanSecret, 0), secret(waldurSecret, 0))
	for n := 1; n <= makers; n++ {
		fmt.Fprintf(&b, `  - {login: maker%[1]d, id: %[2]d, email: maker%[1]d@example.org, tokens: [
      {name: w, use: waldur, secret: "%[3]s"}, {name: r, use: raidboxes, secret: "%[4]s"}]}
`, n, n+1, secret(waldurSecret, n), secret(raidboxesSecret, n))
	}
	fmt.Fprintf(&b, `  - {login: reader, id: %d, email: reader@example.org, tokens: [{name: r, use: raidboxes, secret: "%s"}], keys: [
`, makers+2, secret(raidboxesSecret, 0))
	for n := range 10 {
		fmt.Fprintf(&b, "      {name: key%d, public_key: %s},\n", n, newEd25519())
	}
	fmt.Fprintf(&b, `  ]}
projects: [{name: p, api_keys: [{name: k, secret: "%s"}]}]
devices: [{hostname: web-01, ip: 10.0.0.5}]
applications:
  - name: deploy
    authorizations:
      - {name: ci, permission: read-write, resources: [pam-core], allowed_ips: ["*"],
         oauth2: {client_id: deploy, client_secret: "%s"}}
`, secret(projectSecret, 0), secret(clientSecret, 0))
	return b.String()
}

// world is what rows ask for, and what they show to be let in.
type world struct {
	owners  int
	keys    []key // some of those there are
	session string

	waldur    []http.Header // of the makers
	portal    []http.Header // likewise, of the Raidboxes face
	reader    http.Header   // of one with ten keys there
	foreman   http.Header   // of the administrator
	pam       http.Header   // of the application
	vaultKeys int           // in the vault, from id 1 on
}

// key is what is known of one.
type key struct {
	Fingerprint string    `json:"fingerprint"`
	ID          string    `json:"id"`
	Created     time.Time `json:"created_at"`
}

var (
	asHost    = http.Header{"Authorization": {"Bearer " + secret(hostSecret, 0)}}
	asProject = http.Header{"X-Api-Key": {secret(projectSecret, 0)}, "Content-Type": {"application/json"}}
	asAdmin   = asMaker(0)
	nobody    = http.Header{}
)

func asMaker(n int) http.Header {
	return http.Header{"Authorization": {"Token " + secret(waldurSecret, n)}, "Content-Type": {"application/json"}}
}

// look learns which keys there are: some from the middle of the store.
func (o options) look(ctx context.Context, p rig.Program) (w world, err error) {
	w.owners = max(1, o.keys/10)
	out, err := p.Must(ctx, "", "key", "list", "--limit", "2000", "--offset", fmt.Sprint(max(0, o.keys/2-1000)), "--json")
	if err != nil {
		return w, err
	}
	if err := json.Unmarshal([]byte(out), &w.keys); err != nil {
		return w, err
	}
	if len(w.keys) == 0 {
		return w, errors.New("the store has no keys")
	}
	return w, nil
}

// enter gets what rows need to be let in, from a running server.
func (w *world) enter(ctx context.Context, address string) (err error) {
	for n := range makers {
		w.waldur = append(w.waldur, asMaker(n+1))
		h, err := portalLogin(ctx, address, fmt.Sprintf("maker%d", n+1), n+1)
		if err != nil {
			return err
		}
		w.portal = append(w.portal, h)
	}
	if w.reader, err = portalLogin(ctx, address, "reader", 0); err != nil {
		return err
	}
	if w.foreman, err = foremanLogin(ctx, address); err != nil {
		return err
	}
	if w.pam, err = pamLogin(ctx, address); err != nil {
		return err
	}
	if w.session, err = newID(ctx, address, post(sessionsPath, `{}`, asProject)); err != nil {
		return err
	}
	return w.fillVault(ctx, address)
}

// fillVault makes the keys that are read from the vault; they may be there.
func (w *world) fillVault(ctx context.Context, address string) error {
	for n := range 200 {
		if _, _, err := ask(ctx, address, vaultWrite(*w, n), http.StatusCreated); err != nil {
			return err
		}
	}
	w.vaultKeys = 200
	return nil
}

func portalLogin(ctx context.Context, address, login string, n int) (http.Header, error) {
	form := url.Values{"email": {login + "@example.org"}, "password": {secret(raidboxesSecret, n)}}
	h, _, err := ask(ctx, address, post("/v1/login", form.Encode(), asForm()), http.StatusOK)
	return http.Header{"Authorization": {"Bearer " + h.Get("Access_token")}, "Content-Type": {"application/json"}}, err
}

// foremanLogin begins a session, as hammer does: a Basic login would begin one
// with each request.
func foremanLogin(ctx context.Context, address string) (http.Header, error) {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth("asker", secret(foremanSecret, 0))
	h, _, err := ask(ctx, address, get("/api/status", r.Header), http.StatusOK)
	cookie, _, _ := strings.Cut(h.Get("Set-Cookie"), ";")
	return http.Header{"Cookie": {cookie}, "Content-Type": {"application/json"}}, err
}

func pamLogin(ctx context.Context, address string) (http.Header, error) {
	_, body, err := ask(ctx, address, post("/api/oauth2/token", tokenForm, asForm()), http.StatusOK)
	if err != nil {
		return nil, err
	}
	var reply struct {
		Token string `json:"access_token"`
	}
	err = json.Unmarshal(body, &reply)
	return http.Header{"Authorization": {"Bearer " + reply.Token}, "Content-Type": {"application/json"}}, err
}

var tokenForm = url.Values{
	"grant_type": {"client_credentials"}, "client_id": {"deploy"}, "client_secret": {secret(clientSecret, 0)},
}.Encode()

func asForm() http.Header { return http.Header{"Content-Type": {"application/x-www-form-urlencoded"}} }

// ask asks once.
func ask(ctx context.Context, address string, what request, status int) (http.Header, []byte, error) {
	reply, err := send(ctx, http.DefaultClient, address, what, status)
	if err != nil {
		return nil, nil, fmt.Errorf("%s %s: %w", what.method, what.path, err)
	}
	return reply.header, reply.body, nil
}

// newID makes something and gives its id.
func newID(ctx context.Context, address string, what request) (string, error) {
	_, body, err := ask(ctx, address, what, http.StatusCreated)
	if err != nil {
		return "", err
	}
	var made struct {
		ID string `json:"id"`
	}
	err = json.Unmarshal(body, &made)
	return made.ID, err
}
