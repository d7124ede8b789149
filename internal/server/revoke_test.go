package server_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	signer "github.com/dghubble/oauth1"

	"keyrack/internal/config"
	"keyrack/internal/store/storetest"
)

// subject is who is going to lose something: an account, a project and an
// application, with one credential of each sort. Each case has its own.
type subject struct {
	name     string
	password bool // it has one, which costs a tenth of a second each time it is asked
}

// secret is the subject's secret for a purpose.
func (s subject) secret(purpose string) string { return s.name + purpose + strings.Repeat("0", 40) }

// waldurToken is 40 digits of base 16, as Waldur has them.
func (s subject) waldurToken() string {
	return (strings.TrimLeft(s.name, "s") + strings.Repeat("a", 40))[:40]
}

const password = "correct-horse-battery"

// world is the subject in an apply file.
func (s subject) world() string {
	secret := ""
	if s.password {
		secret = "password: " + password + ", "
	}
	return strings.NewReplacer("PASSWORD, ", secret, "NAME", s.name, "HOST", s.secret("host"), "WALDUR", s.waldurToken(), "PAT", s.secret("pat"), "APP", s.secret("app"),
		"API", s.secret("api"), "CLIENT", s.secret("client"), "CONSUMER", s.secret("consumer"), "TOKENSECRET", s.secret("tokensecret")).Replace(`
accounts:
  - {login: NAME, email: NAME@example.org, PASSWORD, tokens: [{name: t, use: host, secret: HOST},
      {name: t, use: waldur, lifetime: never, secret: WALDUR}, {name: t, use: foreman, secret: PAT}, {name: t, use: raidboxes, secret: APP}]}
projects: [{name: NAME, adopt_keys: proven, prove_keys: true, api_keys: [{name: t, secret: API}]}]
applications:
  - {name: NAME, authorizations: [
      {name: two, permission: read-write, resources: [pam-core], allowed_ips: ["*"], oauth2: {client_id: NAME, client_secret: CLIENT}},
      {name: one, permission: read-write, resources: [pam-core], allowed_ips: ["*"],
        oauth1: {consumer_key: NAME, consumer_secret: CONSUMER, token: NAME, token_secret: TOKENSECRET}}]}
`)
}

// hold is something that a credential opens: a request that may be made
// time and again.
type hold struct {
	path   string
	header func(address string) http.Header
}

func fixed(h http.Header) func(string) http.Header { return func(string) http.Header { return h } }

// holds are all credentials of the subject, those among them that are got by
// others included: each is got from one server and counts on all.
func (s subject) holds(t *testing.T, ask asker) map[string]hold {
	t.Helper()
	login := func(password string) string { return raidboxesToken(ask, s.name+"@example.org "+password) }
	const keys, user, devices = "/api/keys/", "/api/current_user", "/api/pam/device"
	all := map[string]hold{
		"host token":           {"/api/keyrack/v1/authorized-keys/" + s.name, fixed(bearer(s.secret("host")))},
		"waldur token":         {keys, fixed(token(s.waldurToken()))},
		"foreman token":        {user, fixed(basic(s.name + ":" + s.secret("pat")))},
		"session by token":     {user, fixed(s.session(t, ask, s.secret("pat")))},
		"application password": {"/v1/ssh-keys", fixed(bearer(login(s.secret("app"))))},
		"API key":              {"/api/v1/auth/info/", fixed(apiKey(s.secret("api")))},
		"access token":         {devices, fixed(bearer(s.accessToken(t, ask)))},
		"OAuth 1.0":            {devices, func(address string) http.Header { return s.signed(t, http.MethodGet, "http://"+address+devices) }},
	}
	if s.password {
		all["waldur login"] = hold{keys, fixed(token(s.waldurLogin(t, ask)))}
		all["foreman password"] = hold{user, fixed(basic(s.name + ":" + password))}
		all["foreman session"] = hold{user, fixed(s.session(t, ask, password))}
		all["raidboxes login"] = hold{"/v1/ssh-keys", fixed(bearer(login(password)))}
	}
	return all
}

func (s subject) waldurLogin(t *testing.T, ask asker) string {
	t.Helper()
	var got struct{ Token string }
	_, reply, _ := ask(http.MethodPost, "/api-auth/password/", `{"username": "`+s.name+`", "password": "`+password+`"}`, http.Header{})
	if err := json.Unmarshal(reply, &got); err != nil || got.Token == "" {
		t.Fatalf("log in to Waldur: %s (%v)", reply, err)
	}
	return got.Token
}

// session is the cookie of a session that a secret has begun.
func (s subject) session(t *testing.T, ask asker, secret string) http.Header {
	t.Helper()
	status, reply, got := ask(http.MethodGet, "/api/status", "", basic(s.name+":"+secret))
	cookie, _, _ := strings.Cut(got.Get("Set-Cookie"), ";")
	if status != http.StatusOK || !strings.HasPrefix(cookie, "_session_id=") {
		t.Fatalf("begin a session: %d %s, cookie %q", status, reply, cookie)
	}
	return http.Header{"Cookie": {cookie}}
}

func (s subject) accessToken(t *testing.T, ask asker) string {
	t.Helper()
	var got struct {
		AccessToken string `json:"access_token"`
	}
	_, reply, _ := ask(http.MethodPost, "/api/oauth2/token",
		`{"grant_type": "client_credentials", "client_id": "`+s.name+`", "client_secret": "`+s.secret("client")+`"}`, http.Header{})
	if err := json.Unmarshal(reply, &got); err != nil || got.AccessToken == "" {
		t.Fatalf("fetch an access token: %s (%v)", reply, err)
	}
	return got.AccessToken
}

// signed is the header of a request that is signed by OAuth 1.0, once.
func (s subject) signed(t *testing.T, method, url string) http.Header {
	t.Helper()
	caught := make(catcher, 1)
	ctx := context.WithValue(t.Context(), signer.HTTPClient, &http.Client{Transport: caught})
	r, err := http.NewRequestWithContext(ctx, method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	client := signer.NewConfig(s.name, s.secret("consumer")).Client(ctx, signer.NewToken(s.name, s.secret("tokensecret")))
	reply, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = reply.Body.Close()
	return http.Header{"Authorization": (<-caught)["Authorization"]}
}

// catcher is a transport that sends nothing and keeps the header.
type catcher chan http.Header

func (c catcher) RoundTrip(r *http.Request) (*http.Response, error) {
	c <- r.Header
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r}, nil
}

// Which credentials belong to the account, and which of these stand for its password.
var (
	ofAccount = []string{
		"host token", "waldur token", "waldur login", "foreman password", "foreman token", "foreman session", "session by token",
		"raidboxes login", "application password",
	}
	ofPassword = []string{"waldur login", "foreman password", "foreman session", "session by token", "raidboxes login"}
)

// place is where a revocation is made: a store with servers on it.
type place struct {
	t       *testing.T
	config  config.Config
	servers []string // their addresses
	ssh     []string
}

func (p place) command(args ...string) { command(p.t, p.config, "", args...) }

func (p place) apply(world string) { apply(p.t, p.config, world) }

// ask asks the first server.
func (p place) ask(method, path, body string, header http.Header) []byte {
	p.t.Helper()
	status, reply, _ := askerOf(p.t, p.servers[0])(method, path, body, header)
	if status >= 400 {
		p.t.Fatalf("%s %s = %d %s", method, path, status, reply)
	}
	return reply
}

// userID is the number of a subject's account.
func (p place) userID(s subject) string {
	p.t.Helper()
	var user struct{ ID int }
	if err := json.Unmarshal(p.ask(http.MethodGet, "/api/users/"+s.name, "", basic(foremanAdmin)), &user); err != nil {
		p.t.Fatal(err)
	}
	return fmt.Sprint(user.ID)
}

// revocations are all ways to take something away, each with what ends by it.
// What is not named goes on.
var revocations = []struct {
	name     string
	password bool // the subject has one
	ends     []string
	do       func(p place, s subject)
}{
	{"account is disabled", true, ofAccount, func(p place, s subject) { p.command("account", "disable", s.name) }},
	{"account is disabled by apply", false, ofAccount, func(p place, s subject) { p.apply("accounts: [{login: " + s.name + ", disabled: true}]") }},
	{"account is disabled through Foreman", false, ofAccount, func(p place, s subject) {
		p.ask(http.MethodPut, "/api/users/"+p.userID(s), `{"user": {"disabled": true}}`, basic(foremanAdmin))
	}},
	{"account was disabled for a moment", true, []string{"waldur login", "foreman session", "session by token", "raidboxes login", "application password"},
		func(p place, s subject) {
			p.command("account", "disable", s.name)
			p.command("account", "enable", s.name)
		}},
	{"account expires", false, ofAccount, func(p place, s subject) { p.apply("accounts: [{login: " + s.name + ", expires_at: 2020-01-01}]") }},
	{"account is removed", true, ofAccount, func(p place, s subject) { p.command("account", "remove", s.name) }},
	{"account is removed through Foreman", false, ofAccount, func(p place, s subject) {
		p.ask(http.MethodDelete, "/api/users/"+p.userID(s), "", basic(foremanAdmin))
	}},
	{"password is changed", true, ofPassword, func(p place, s subject) {
		command(p.t, p.config, "another-horse-battery\n", "account", "password", s.name)
	}},
	{"password is changed by apply", true, ofPassword, func(p place, s subject) {
		p.apply("accounts: [{login: " + s.name + ", password: another-horse-battery}]")
	}},
	{"password is changed through Foreman", true, ofPassword, func(p place, s subject) {
		p.ask(http.MethodPut, "/api/users/"+p.userID(s), `{"user": {"password": "another-horse-battery"}}`, basic(foremanAdmin))
	}},
	{"host token is taken away", false, []string{"host token"}, withoutToken("host", "")},
	{"host token expires", false, []string{"host token"}, withoutToken("host", "expires_at: 2020-01-01")},
	{"waldur token is taken away", false, []string{"waldur token"}, withoutToken("waldur", "")},
	{"waldur token logs out", false, []string{"waldur token"}, func(p place, s subject) {
		p.ask(http.MethodPost, "/api-auth/logout/", "", token(s.waldurToken()))
	}},
	{"personal token is taken away", true, []string{"foreman token", "session by token"}, withoutToken("foreman", "")},
	{"personal token is another", false, []string{"foreman token", "session by token"},
		withoutToken("foreman", "secret: another-token-of-forty-characters-00000")},
	{"personal token expires", true, []string{"foreman token", "session by token"}, withoutToken("foreman", "expires_at: 2020-01-01")},
	{"personal token is revoked", false, []string{"foreman token", "session by token"}, func(p place, s subject) {
		tokens := "/api/users/" + p.userID(s) + "/personal_access_tokens"
		var list struct{ Results []struct{ ID int } }
		if err := json.Unmarshal(p.ask(http.MethodGet, tokens, "", basic(foremanAdmin)), &list); err != nil || len(list.Results) != 1 {
			p.t.Fatalf("%d tokens (%v)", len(list.Results), err)
		}
		p.ask(http.MethodDelete, fmt.Sprint(tokens, "/", list.Results[0].ID), "", basic(foremanAdmin))
	}},
	{"application password is taken away", false, []string{"application password"}, withoutToken("raidboxes", "")},
	{"API key is taken away", false, []string{"API key"}, func(p place, s subject) {
		p.apply("projects: [{name: " + s.name + ", api_keys: [{name: t, absent: true}]}]")
	}},
	{"API key expires", false, []string{"API key"}, func(p place, s subject) {
		p.apply("projects: [{name: " + s.name + ", api_keys: [{name: t, expires_at: 2020-01-01}]}]")
	}},
	{"application is disabled", false, []string{"access token", "OAuth 1.0"}, func(p place, s subject) { p.command("application", "disable", s.name) }},
	{"application is removed", false, []string{"access token", "OAuth 1.0"}, func(p place, s subject) { p.command("application", "remove", s.name) }},
	{"authorization is disabled", false, []string{"access token"}, func(p place, s subject) { p.command("application", "disable", s.name, "two") }},
	{"authorization is removed", false, []string{"OAuth 1.0"}, func(p place, s subject) { p.command("application", "remove", s.name, "one") }},
	{"authorization gets new secrets", false, []string{"access token"}, func(p place, s subject) { p.command("application", "rotate", s.name, "two") }},
	{"signed authorization gets new secrets", false, []string{"OAuth 1.0"}, func(p place, s subject) { p.command("application", "rotate", s.name, "one") }},
	{"signing keys are stolen", false, []string{"raidboxes login", "application password"}, func(p place, _ subject) {
		p.command("signing-key", "rotate", "--at-once")
	}},
}

// withoutToken takes a token of the account away, or changes it.
func withoutToken(use, change string) func(place, subject) {
	return func(p place, s subject) {
		p.apply("accounts: [{login: " + s.name + ", tokens: [{name: t, use: " + use + ", " + cmp.Or(change, "absent: true") + "}]}]")
	}
}

// eachPlace runs a test on each database: on PostgreSQL with two servers.
func eachPlace(t *testing.T, world string, try func(t *testing.T, p place)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		try(t, placeOf(t, "", world, 1))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		try(t, placeOf(t, storetest.PostgresURL(t), world, 2))
	})
}

// placeOf runs n servers on a database.
func placeOf(t *testing.T, database, world string, n int) place {
	t.Helper()
	p := place{t: t, config: prepared(t, database, world)}
	for range n {
		r := run(t, p.config)
		p.servers, p.ssh = append(p.servers, r.HTTP), append(p.ssh, r.SSH)
	}
	return p
}

// TestRevocation takes each thing away that a credential needs while it is in
// use: whoever holds it is refused at the next request, on every server, and
// nobody else is.
func TestRevocation(t *testing.T) {
	t.Parallel()
	eachPlace(t, accessWorld, func(t *testing.T, p place) {
		for i, r := range revocations {
			s := subject{fmt.Sprintf("s%02d", i), r.password}
			p.apply(s.world())
			holds := s.holds(t, askerOf(t, p.servers[0]))
			for _, credential := range slices.Sorted(maps.Keys(holds)) {
				p.wantOpen(holds[credential], true, "before "+r.name+": "+credential)
			}
			r.do(p, s)
			for _, credential := range slices.Sorted(maps.Keys(holds)) {
				p.wantOpen(holds[credential], !slices.Contains(r.ends, credential), "after "+r.name+": "+credential)
			}
		}
	})
}

// wantOpen asks each server.
func (p place) wantOpen(h hold, open bool, what string) {
	p.t.Helper()
	for i, address := range p.servers {
		status, reply, _ := askerOf(p.t, address)(http.MethodGet, h.path, "", h.header(address))
		if open && status != http.StatusOK || !open && status != http.StatusUnauthorized {
			p.t.Errorf("%s: server %d answers %d %.200s, want open: %t", what, i+1, status, reply, open)
		}
	}
}
