package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"keyrack/test/rig"
)

const apiKey = "0123456789abcdefghijklmnopqrstuv"

// What the application that writes to the vault logs in with.
const (
	clientID     = "a2a"
	clientSecret = "a2aSecret0000000000000000000000000000000"
)

const waldurToken = "1111111111111111111111111111111111111111"

// people is the world that rows run in.
const people = `
organizations: [{name: acme}]
accounts:
  - {login: ada, organizations: [acme], email: ada@example.org, roles: [admin], password: correct-horse-battery-1}
  - {login: bob, email: bob@example.org, password: correct-horse-battery-2, tokens: [{name: t, use: host, secret: hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh}]}
  - {login: carol, tokens: [{name: sdk, use: waldur, lifetime: never, secret: "` + waldurToken + `"}]}
projects:
  - {name: onboarding, organization: acme, adopt_keys: proven, prove_keys: true, api_keys: [{name: ci, secret: ` + apiKey + `}]}
devices: [{hostname: web, ip: 10.0.0.5}]
applications:
  - {name: deploy, authorizations: [{name: ci, permission: read-write, resources: [pam-core], allowed_ips: ["*"],
      oauth2: {client_id: ` + clientID + `, client_secret: ` + clientSecret + `}}]}
`

// settings is the configuration file: no limit that is not the row's subject.
const settings = `
faces: {sshverify: {requests_per_minute: 1000000}}
webhooks: {allow_to: [127.0.0.0/8]}
ssh: {per_source: 100000, max_connections: 100000}
log: {level: warn}
`

// directory makes a directory for the row, which is gone afterwards.
func (b *trial) directory() string {
	dir, err := os.MkdirTemp(b.dir, "keyrack-bb-")
	b.must(err)
	b.must(os.Chmod(dir, 0o711))
	b.later(func() { _ = os.RemoveAll(dir) })
	return dir
}

// program is keyrack on a new store of the row's sort.
func (b *trial) program(config string) rig.Program { return b.programIn(b.directory(), config) }

func (b *trial) programIn(dir, config string) rig.Program {
	p := rig.Program{Bin: b.bin, Dir: dir, Args: []string{"--config", filepath.Join(dir, "keyrack.yaml")}}
	b.must(os.WriteFile(filepath.Join(dir, "keyrack.yaml"), []byte(config), 0o600))
	if b.db == "pg" {
		b.must(b.server().Exec(b, "postgres", "CREATE DATABASE keyrack"))
		p.URL = b.cluster.URL("keyrack")
	}
	return p
}

// server is the row's PostgreSQL server.
func (b *trial) server() *rig.Cluster {
	if b.cluster == nil {
		c, err := rig.NewCluster(b, filepath.Join(b.directory(), "pg"))
		b.must(err)
		b.cluster = c
		b.later(func() { c.Stop(quit) })
	}
	return b.cluster
}

// peopled is a program whose world is made.
func (b *trial) peopled() rig.Program {
	p := b.program(settings)
	_, err := p.Must(b, people, "apply", "-f", "-")
	b.must(err)
	return p
}

// serve starts a server that ends with the row.
func (b *trial) serve(p rig.Program, args ...string) *rig.Server {
	s, err := p.Serve(args...)
	b.must(err)
	b.later(s.Kill)
	return s
}

// reply is what an HTTP request came to.
type reply struct {
	status int
	header http.Header
	body   string
	took   time.Duration
	err    error // nothing whole came back
}

// refusedWell tells whether a request was turned away as it should: for now,
// with a hint when to come again, and without a word of the database's.
func (r reply) refusedWell() bool {
	limited := r.status == http.StatusServiceUnavailable || r.status == http.StatusTooManyRequests || r.status == http.StatusInsufficientStorage
	return limited && r.header.Get("Retry-After") != "" && !tells(r.body)
}

// tells finds a database's own words.
func tells(body string) bool {
	for _, word := range []string{"SQL", "sqlite", "database is locked", "disk I/O", "pq:", "pgx", "FATAL", "connection refused", "dial tcp", "relation "} {
		if strings.Contains(body, word) {
			return true
		}
	}
	return false
}

func (r reply) String() string { return fmt.Sprint(r.status, " ", r.body, r.err) }

// client is an HTTP client with as many connections as its users want.
func client(timeout time.Duration) *http.Client {
	return &http.Client{Timeout: timeout, Transport: &http.Transport{MaxIdleConnsPerHost: 1024}}
}

var patient = client(35 * time.Second)

// call is a request to be made.
type call struct {
	method, path, body string
	header             map[string]string
}

// ask makes a request.
func ask(ctx context.Context, c *http.Client, address string, what call) (r reply) {
	begun := time.Now()
	defer func() { r.took = time.Since(begun) }()
	request, err := http.NewRequestWithContext(ctx, what.method, "http://"+address+what.path, strings.NewReader(what.body))
	if err != nil {
		return reply{err: err}
	}
	for name, value := range what.header {
		request.Header.Set(name, value)
	}
	response, err := c.Do(request)
	if err != nil {
		return reply{err: err}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return reply{status: response.StatusCode, header: response.Header, body: string(text), err: err}
}

const sessionsPath = "/api/v1/ssh/collect/sessions/"

var withKey = map[string]string{"X-Api-Key": apiKey, "Content-Type": "application/json"}

// newSession is a request for a session, under an idempotency key where one is given.
func newSession(id, body string) call {
	c := call{method: http.MethodPost, path: sessionsPath, body: body, header: map[string]string{"Idempotency-Key": id}}
	if id == "" {
		delete(c.header, "Idempotency-Key")
	}
	for name, value := range withKey {
		c.header[name] = value
	}
	return c
}

// session is what the interface tells of one.
type session struct {
	ID         string `json:"id"`
	Identifier string `json:"connection_identifier"`
	External   string `json:"external_id"`
	Status     string `json:"status"`
}

func decode(text string, into any) error {
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("%w in %.200s", err, text)
	}
	return nil
}

// sessions reads all sessions there are through the interface.
func (b *trial) sessions(address string) []session {
	var all []session
	for more := true; more; {
		r := ask(b, patient, address, call{
			method: http.MethodGet, path: sessionsPath + "?" + url.Values{"offset": {fmt.Sprint(len(all))}}.Encode(), header: withKey,
		})
		if r.err != nil || r.status != http.StatusOK {
			b.fail("list of sessions: %v", r)
		}
		var page struct {
			Items []session `json:"items"`
			More  bool      `json:"has_more"`
		}
		b.must(decode(r.body, &page))
		all, more = append(all, page.Items...), page.More && len(page.Items) > 0
	}
	return all
}

// answers asks until the server answers 200 or the time is up, and tells how
// long that took.
func (b *trial) answers(address, path string, within time.Duration) time.Duration {
	begun := time.Now()
	for {
		if r := ask(b, patient, address, call{method: http.MethodGet, path: path, header: withKey}); r.status == http.StatusOK {
			return time.Since(begun)
		}
		if time.Since(begun) > within {
			return time.Since(begun)
		}
		b.pause(20 * time.Millisecond)
	}
}

// pause lets time pass that the row is about, or that nothing else tells of.
func (b *trial) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-b.Done():
		b.must(b.Err())
	}
}

// from is a dialer with a loopback address of its own.
func from(address string) *net.Dialer {
	return &net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(address), 0)), Timeout: 10 * time.Second}
}
