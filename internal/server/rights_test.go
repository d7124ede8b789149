package server_test

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// probe is a request that is answered by what its sender may do.
type probe struct {
	method, path, body string
	header             http.Header
	before, after      int
}

// TestRightsAreThoseOfNow takes rights away from who has a credential in use:
// from the next request on it is worth no more than its owner is, on every server.
func TestRightsAreThoseOfNow(t *testing.T) {
	t.Parallel()
	eachPlace(t, accessWorld, func(t *testing.T, p place) {
		ask := askerOf(t, p.servers[0])
		key := waldurObjectOf(t, ask)
		for i, c := range []struct {
			name, roles string
			foreman     int // what Foreman answers afterwards
			waldur      int
			vault       int
			do          func(s subject)
		}{
			{"administrator no more", "[admin]", 403, 403, 201, func(s subject) { p.apply("accounts: [{login: " + s.name + "}]") }},
			{"administrator no more, through Foreman", "[admin]", 403, 403, 201, func(s subject) {
				p.ask(http.MethodPut, "/api/users/"+p.userID(s), `{"user": {"admin": false}}`, basic(foremanAdmin))
			}},
			{"support no more", "[support]", 403, 403, 201, func(s subject) { p.apply("accounts: [{login: " + s.name + "}]") }},
			{"support, not administrator", "[admin]", 200, 200, 201, func(s subject) { p.apply("accounts: [{login: " + s.name + ", roles: [support]}]") }},
			{"authorization only reads", "[admin]", 200, 200, 400, func(s subject) {
				p.apply("applications: [{name: " + s.name + ", authorizations: [{name: two, permission: read-only, resources: [pam-core], allowed_ips: ['*'], oauth2: {client_id: " + s.name + "}}]}]")
			}},
		} {
			s := subject{name: fmt.Sprintf("s%02d", 50+i)}
			p.apply(s.world())
			p.apply("accounts: [{login: " + s.name + ", roles: " + c.roles + "}]")
			probes := []probe{
				{http.MethodGet, "/api/users", "", basic(s.name + ":" + s.secret("pat")), 200, c.foreman},
				{http.MethodGet, "/api/users", "", s.session(t, ask, s.secret("pat")), 200, c.foreman},
				{http.MethodGet, "/api/keys/" + key + "/history/", "", token(s.waldurToken()), 200, c.waldur},
				{http.MethodPost, "/api/pam/device", strings.Replace(accessDevice, "db", "d"+s.name, 1), bearer(s.accessToken(t, ask)), 201, c.vault},
			}
			for _, q := range probes {
				q.want(p, q.before, "before "+c.name)
			}
			c.do(s)
			for _, q := range probes {
				q.want(p, q.after, "after "+c.name)
			}
		}
	})
}

func (q probe) want(p place, status int, when string) {
	p.t.Helper()
	for i, address := range p.servers {
		got, reply, _ := askerOf(p.t, address)(q.method, q.path, q.body, q.header)
		if got != status {
			p.t.Errorf("%s: server %d answers %s %s with %d %.200s, want %d", when, i+1, q.method, q.path, got, reply, status)
		}
	}
}

// waldurObjectOf makes a key of ada's and gives its UUID.
func waldurObjectOf(t *testing.T, ask asker) string {
	t.Helper()
	var made struct{ UUID string }
	status, reply, _ := ask(http.MethodPost, "/api/keys/", `{"name": "of ada", "public_key": "`+newKey(t)+`"}`, token(waldurOwner))
	if err := json.Unmarshal(reply, &made); err != nil || status != http.StatusCreated {
		t.Fatalf("make a key: %d %s (%v)", status, reply, err)
	}
	return made.UUID
}

// climbers are accounts beside those of accessWorld: one with each bundle of rights.
const climbers = `
accounts:
  - {login: mia, name: Mia Manager, email: mia@example.org, organizations: [acme], locations: [berlin], tokens: [{name: t, use: foreman, secret: patManager000000000000000000}]}
  - {login: kim, name: Kim Keys, email: kim@example.org, organizations: [acme], locations: [berlin], tokens: [{name: t, use: foreman, secret: patKeys000000000000000000000}]}
`

// climbs are ways to be more than one is, or to leave nobody who manages.
var climbs = []struct{ who, method, path, body string }{
	{"ada", "PUT", "/api/users/ada", `{"user": {"admin": true}}`},
	{"ada", "PUT", "/api/users/ada", `{"user": {"role_ids": [1]}}`},
	{"ada", "PUT", "/api/users/ada", `{"user": {"organization_ids": [1, 2]}}`},
	{"ada", "PUT", "/api/users/ada", `{"user": {"login": "ada2"}}`},
	{"ada", "PUT", "/api/users/ada", `{"user": {"password": "another-horse-battery"}}`},
	{"ada", "POST", "/api/users/root/personal_access_tokens", `{"name": "x"}`},
	{"ada", "POST", "/api/users/root/ssh_keys", `{"ssh_key": {"name": "x", "key": "` + accessKey + `"}}`},
	{"ada", "POST", "/api/users", `{"user": {"login": "new", "mail": "new@example.org", "password": "correct-horse-battery", "auth_source_id": 1}}`},
	{"sam", "PUT", "/api/users/sam", `{"user": {"admin": true}}`},
	{"sam", "PUT", "/api/users/sam", `{"user": {"role_ids": [1]}}`},
	{"sam", "PUT", "/api/users/ada", `{"user": {"firstname": "x"}}`},
	{"sam", "POST", "/api/users/root/personal_access_tokens", `{"name": "x"}`},
	{"sam", "DELETE", "/api/users/ada", ""},
	{"mia", "PUT", "/api/users/mia", `{"user": {"admin": true}}`},
	{"mia", "PUT", "/api/users/mia", `{"user": {"role_ids": [1, 2, 3]}}`},
	{"mia", "PUT", "/api/users/mia", `{"user": {"organization_ids": [1, 2]}}`},
	{"mia", "PUT", "/api/users/ada", `{"user": {"admin": true}}`},
	{"mia", "PUT", "/api/users/ada", `{"user": {"organization_ids": [2]}}`},
	{"mia", "PUT", "/api/users/root", `{"user": {"password": "another-horse-battery"}}`},
	{"mia", "PUT", "/api/users/root", `{"user": {"disabled": true}}`},
	{"mia", "PUT", "/api/users/root", `{"user": {"admin": false}}`},
	{"mia", "PUT", "/api/users/root", `{"user": {"mail": "mia2@example.org"}}`},
	{"mia", "PUT", "/api/users/sam", `{"user": {"password": "another-horse-battery"}}`},
	{"mia", "POST", "/api/users/root/personal_access_tokens", `{"name": "x"}`},
	{"mia", "POST", "/api/users/sam/personal_access_tokens", `{"name": "x"}`},
	{"mia", "DELETE", "/api/users/root", ""},
	{"mia", "DELETE", "/api/users/mia", ""},
	{"mia", "DELETE", "/api/users/bob", ""}, // whom she does not see
	{"mia", "POST", "/api/users", `{"user": {"login": "new", "mail": "new@example.org", "password": "correct-horse-battery", "auth_source_id": 1, "admin": true}}`},
	{"kim", "PUT", "/api/users/kim", `{"user": {"role_ids": [1, 3]}}`},
	{"kim", "PUT", "/api/users/ada", `{"user": {"role_ids": [1]}}`},
	{"kim", "PUT", "/api/users/mia", `{"user": {"password": "another-horse-battery"}}`},
	{"kim", "POST", "/api/users/mia/personal_access_tokens", `{"name": "x"}`},
	{"kim", "POST", "/api/users", `{"user": {"login": "new", "mail": "new@example.org", "password": "correct-horse-battery", "auth_source_id": 1}}`},
	{"root", "PUT", "/api/users/root", `{"user": {"admin": false}}`}, // the last one
	{"root", "PUT", "/api/users/root", `{"user": {"disabled": true}}`},
	{"root", "DELETE", "/api/users/root", ""},
}

// TestNobodyClimbs tries all of them: each is refused or ignored, and all
// accounts are what they were.
func TestNobodyClimbs(t *testing.T) {
	t.Parallel()
	p := placeOf(t, "", accessWorld, 1)
	p.apply(climbers)
	ask := askerOf(t, p.servers[0])
	tokens := map[string]string{
		"ada": "patOwner000000000000000000000", "sam": "patSupport0000000000000000000", "root": "patAdmin000000000000000000000",
		"mia": "patManager000000000000000000", "kim": "patKeys000000000000000000000",
	}
	for login, role := range map[string]string{"mia": "1", "kim": "3"} {
		p.ask(http.MethodPut, "/api/users/"+login, `{"user": {"role_ids": [`+role+`]}}`, basic(foremanAdmin))
	}
	for login := range tokens { // notes who was here
		ask(http.MethodGet, "/api/status", "", basic(login+":"+tokens[login]))
	}
	before := command(t, p.config, "", "account", "list", "--json")
	for _, c := range climbs {
		status, reply, _ := ask(c.method, c.path, c.body, basic(c.who+":"+tokens[c.who]))
		ignored := strings.Contains(c.body, "role_ids") && strings.HasSuffix(c.path, "/"+c.who) // as Foreman does with one's own
		if (status < 400) != ignored || status >= 500 {
			t.Errorf("%s: %s %s %s = %d %s, want it refused", c.who, c.method, c.path, c.body, status, reply)
		}
	}
	if after := command(t, p.config, "", "account", "list", "--json"); after != before {
		t.Errorf("accounts were\n%s\nand are\n%s", before, after)
	}
	// What is within their rights they may, or the refusals show nothing.
	for _, c := range []struct{ who, body string }{{"kim", `{"user": {"firstname": "A"}}`}, {"mia", `{"user": {"role_ids": [2]}}`}} {
		if status, reply, _ := ask(http.MethodPut, "/api/users/ada", c.body, basic(c.who+":"+tokens[c.who])); status != http.StatusOK {
			t.Errorf("%s may not do what is hers: %d %s", c.who, status, reply)
		}
	}
}

// TestActingAsAnother lets staff be somebody else: with that one's rights alone,
// under both names. For others the header means nothing.
func TestActingAsAnother(t *testing.T) {
	t.Parallel()
	p := placeOf(t, "", accessWorld, 1)
	ask := askerOf(t, p.servers[0])
	uuidOf := func(secret string) string {
		var me struct{ UUID string }
		_, reply, _ := ask(http.MethodGet, "/api/users/me/", "", token(secret))
		if err := json.Unmarshal(reply, &me); err != nil || me.UUID == "" {
			t.Fatalf("%s (%v)", reply, err)
		}
		return me.UUID
	}
	admin, key := strings.Repeat("d", 40), waldurObjectOf(t, ask)
	as := func(secret, whom string) http.Header {
		h := token(secret)
		h.Set("X-Impersonated-User-Uuid", whom)
		return h
	}
	for name, c := range map[string]struct {
		header http.Header
		is     string
	}{
		"ordinary": {as(waldurOwner, uuidOf(admin)), "ada"}, "support": {as(strings.Repeat("c", 40), uuidOf(admin)), "sam"},
		"admin": {as(admin, uuidOf(waldurOwner)), "ada"},
	} {
		_, reply, _ := ask(http.MethodGet, "/api/users/me/", "", c.header)
		if !strings.Contains(string(reply), `"username":"`+c.is+`"`) {
			t.Errorf("%s is %s, want %s", name, reply, c.is)
		}
	}
	both := as(admin, uuidOf(waldurOwner))
	if status, _, _ := ask(http.MethodGet, "/api/keys/"+key+"/history/", "", both); status != http.StatusForbidden {
		t.Errorf("as ada, root reads what only he may: %d", status)
	}
	if status, reply, _ := ask(http.MethodPost, "/api/keys/", `{"name": "by root", "public_key": "`+newKey(t)+`"}`, both); status != http.StatusCreated {
		t.Fatalf("as ada: %d %s", status, reply)
	}
	newest := command(t, p.config, "", "audit", "list", "--json", "--limit", "1")
	if !strings.Contains(newest, "ada") || !strings.Contains(newest, "root") {
		t.Errorf("the audit record has %s, want both names", newest)
	}
	p.apply("accounts: [{login: ada, disabled: true}]")
	if status, reply, _ := ask(http.MethodGet, "/api/users/me/", "", both); status < 400 {
		t.Errorf("as one who is disabled: %d %s", status, reply)
	}
}

// hesitant is a key whose holder does something before he signs.
type hesitant struct {
	ssh.Signer
	before func()
}

// Sign signs, a moment late.
func (h hesitant) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	h.before()
	return h.Signer.Sign(rand, data)
}

// visit brings a key to a session and gives what was said and whether it was welcome.
func visit(t *testing.T, address, identifier string, meanwhile func()) (string, error) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	said := ""
	client, channels, requests, err := ssh.NewClientConn(conn, address, &ssh.ClientConfig{
		User: identifier, HostKeyCallback: ssh.InsecureIgnoreHostKey(), BannerCallback: func(text string) error { said += text; return nil },
		Auth: []ssh.AuthMethod{
			ssh.PublicKeys(hesitant{key, sync.OnceFunc(meanwhile)}),
			ssh.KeyboardInteractive(func(string, string, []string, []bool) ([]string, error) { return nil, nil }),
		},
	})
	if err != nil {
		return said, err
	}
	c := ssh.NewClient(client, channels, requests)
	defer func() { _ = c.Close() }()
	s, err := c.NewSession()
	if err != nil {
		return said, err
	}
	out, err := s.CombinedOutput("")
	return said + string(out), err
}

// TestOpenConnectionIsRevoked takes the ground away from under a person who is
// about to sign, through another server where there is one: nothing comes of
// the connection, and he is told.
func TestOpenConnectionIsRevoked(t *testing.T) {
	t.Parallel()
	eachPlace(t, accessWorld, func(t *testing.T, p place) {
		ask := askerOf(t, p.servers[0])
		const sessions = "/api/v1/ssh/collect/sessions/"
		for i, c := range []struct {
			name, body string
			welcome    bool
			do         func(s subject, id string)
		}{
			{"nothing happens", `{"external_id": "NAME"}`, true, func(subject, string) {}},
			{"session is removed", `{}`, false, func(s subject, id string) {
				p.ask(http.MethodDelete, sessions+id+"/", "", apiKey(s.secret("api")))
			}},
			{"session is complete", `{"multi_connection": true}`, false, func(s subject, id string) {
				p.ask(http.MethodPost, sessions+id+"/complete/", "", apiKey(s.secret("api")))
			}},
			{"session is over", `{}`, false, func(s subject, id string) {
				p.ask(http.MethodPatch, sessions+id+"/", `{"expired_at": "2020-01-01T00:00:00Z"}`, apiKey(s.secret("api")))
			}},
			{"account is disabled", `{"external_id": "NAME"}`, true, func(s subject, _ string) { p.command("account", "disable", s.name) }},
			{"account is removed", `{"external_id": "NAME"}`, true, func(s subject, _ string) { p.command("account", "remove", s.name) }},
		} {
			s := subject{name: fmt.Sprintf("s%02d", 70+i)}
			p.apply(s.world())
			var made struct {
				ID         string
				Identifier string `json:"connection_identifier"`
			}
			_, reply, _ := ask(http.MethodPost, sessions, strings.Replace(c.body, "NAME", s.name, 1), apiKey(s.secret("api")))
			if err := json.Unmarshal(reply, &made); err != nil {
				t.Fatalf("%s (%v)", reply, err)
			}
			said, err := visit(t, p.ssh[len(p.ssh)-1], made.Identifier, func() { c.do(s, made.ID) })
			if (err == nil) != c.welcome || strings.Contains(said, "Recorded") != c.welcome {
				t.Errorf("%s: the person is told %q, %v; want welcome: %t", c.name, said, err, c.welcome)
			}
			adopted := 0
			if c.name == "nothing happens" {
				adopted = 1
			}
			for i, address := range p.servers {
				if keys := p.servedKeys(address, s); keys != adopted {
					t.Errorf("%s: server %d serves %d keys for the account, want %d", c.name, i+1, keys, adopted)
				}
			}
		}
	})
}

// servedKeys is how many keys hosts are told of an account.
func (p place) servedKeys(address string, s subject) int {
	p.t.Helper()
	header := bearer("hostOwner0000000000000000000000000000000")
	status, reply, _ := askerOf(p.t, address)(http.MethodGet, "/api/keyrack/v1/authorized-keys/"+s.name, "", header)
	if status != http.StatusOK {
		p.t.Errorf("authorized-keys = %d %s", status, reply)
	}
	return strings.Count("\n"+string(reply), "\nssh-ed25519")
}
