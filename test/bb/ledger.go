package main

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
)

// ledger is what clients were told, in a file that is only ever appended to.
// Ids are the clients' own, and go along as the Idempotency-Key.
type ledger struct {
	mu     sync.Mutex // guards what follows
	file   *os.File
	fate   map[string]string // of each id: sent, ack or err
	wrong  []reply           // answers that no fault excuses
	events map[string]bool   // sessions whose events are due, by their own id
	makers []maker           // of what clients make

	slowest time.Duration // answer since somebody asked for it

	applied []string // names of keys that an operator was told are there
	token   string   // what the application writes to the vault with; empty: it has to log in
}

func (b *trial) newLedger() *ledger {
	f, err := os.Create(filepath.Join(b.directory(), "ledger"))
	b.must(err)
	b.later(func() { _ = f.Close() })
	return &ledger{file: f, fate: map[string]string{}, events: map[string]bool{}, makers: makers}
}

// note writes down what became of an id.
func (l *ledger) note(fate, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = fmt.Fprintln(l.file, fate, id)
	l.fate[id] = fate
}

// slow gives the longest that an answer took since it was last asked for.
func (l *ledger) slow() (took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	took, l.slowest = l.slowest, 0
	return took
}

func (l *ledger) count(fate string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for f := range maps.Values(l.fate) {
		if f == fate {
			n++
		}
	}
	return n
}

func (l *ledger) with(fate string) (ids []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, f := range l.fate {
		if f == fate {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// maker is one way to make something by HTTP, and to read all of it back.
type maker struct {
	name   string
	status int
	make   func(id string) call
	all    func(b *trial, address string) map[string]int // how often each id is there
}

// makers are the faces' creating routes.
var makers = []maker{
	{
		name: "session", status: http.StatusCreated,
		make: func(id string) call { return newSession(id, fmt.Sprintf(`{"external_id": %q}`, id)) },
		all: func(b *trial, address string) map[string]int {
			count := map[string]int{}
			for _, s := range b.sessions(address) {
				count[s.External]++
			}
			return count
		},
	},
	{
		name: "key", status: http.StatusCreated,
		make: func(id string) call {
			return call{method: http.MethodPost, path: "/api/keys/", body: fmt.Sprintf(`{"name": %q, "public_key": %q}`, id, keyOf(id)),
				header: map[string]string{"Idempotency-Key": id, "Authorization": "Token " + waldurToken, "Content-Type": "application/json"}}
		},
		all: waldurKeys,
	},
	{
		name: "vault", status: http.StatusCreated, // of a key that is there already, too
		make: func(id string) call {
			return call{method: http.MethodPost, path: "/api/pam/key", header: map[string]string{"Content-Type": "application/json"},
				body: fmt.Sprintf(`{"identifier": %q, "hostname": "web", "ip": "10.0.0.5", "private_key": "of %s", "public_key": %q}`, id, id, keyOf(id))}
		},
		all: vaultKeys,
	},
}

// login is the request of the application that writes to the vault.
var login = call{
	method: http.MethodPost, path: "/api/oauth2/token", header: map[string]string{"Content-Type": "application/json"},
	body: `{"grant_type": "client_credentials", "client_id": "` + clientID + `", "client_secret": "` + clientSecret + `"}`,
}

// loggedIn gives the access token that a reply holds.
func loggedIn(r reply) (string, bool) {
	var got struct {
		Token string `json:"access_token"`
	}
	return got.Token, r.err == nil && decode(r.body, &got) == nil && got.Token != ""
}

// authorize adds to a call what it needs beyond its own header. A login that
// fails is what became of the call.
func (l *ledger) authorize(ctx context.Context, c *http.Client, address string, m maker, what *call) (reply, bool) {
	if m.name != "vault" {
		return reply{}, true
	}
	l.mu.Lock()
	token := l.token
	l.mu.Unlock()
	if token == "" {
		r := ask(ctx, c, address, login)
		got, ok := loggedIn(r)
		if !ok {
			return r, false
		}
		l.mu.Lock()
		l.token, token = got, got
		l.mu.Unlock()
	}
	what.header["Authorization"] = "Bearer " + token
	return reply{}, true
}

var vaultIdentifier = regexp.MustCompile(`"identifier": ?"(vault-\d+)"`)

// vaultKeys reads all keys that the application may use.
func vaultKeys(b *trial, address string) map[string]int {
	token, ok := loggedIn(ask(b, patient, address, login))
	if !ok {
		b.fail("the application cannot log in")
	}
	r := ask(b, patient, address, call{method: http.MethodGet, path: "/api/pam/credential", header: map[string]string{"Authorization": "Bearer " + token}})
	if r.err != nil || r.status != http.StatusOK {
		b.fail("list of the vault: %v", r)
	}
	count := map[string]int{}
	for _, found := range vaultIdentifier.FindAllStringSubmatch(r.body, -1) {
		count[found[1]]++
	}
	return count
}

// keyOf is a public key that belongs to an id, so that a request can be
// repeated as it was.
func keyOf(id string) string {
	sum := sha256.Sum256([]byte(id))
	public, err := ssh.NewPublicKey(ed25519.NewKeyFromSeed(sum[:]).Public())
	if err != nil {
		panic(err) // an Ed25519 key is one
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public)))
}

// waldurKeys reads all keys of the account through the interface.
func waldurKeys(b *trial, address string) map[string]int {
	count := map[string]int{}
	for page := 1; ; page++ {
		r := ask(b, patient, address, call{method: http.MethodGet, path: fmt.Sprintf("/api/keys/?page_size=300&page=%d", page),
			header: map[string]string{"Authorization": "Token " + waldurToken}})
		if r.status == http.StatusNotFound { // past the last page
			return count
		}
		if r.err != nil || r.status != http.StatusOK {
			b.fail("list of keys: %v", r)
		}
		var keys []struct{ Name string }
		b.must(decode(r.body, &keys))
		for _, k := range keys {
			count[k.Name]++
		}
		if len(keys) < 300 {
			return count
		}
	}
}

func makerOf(id string) maker {
	for _, m := range makers {
		if len(id) > len(m.name) && id[:len(m.name)+1] == m.name+"-" {
			return m
		}
	}
	panic("no maker of " + id)
}

// serial makes ids that nothing has had.
var serial atomic.Int64

// write makes one thing and notes what the client was told.
func (l *ledger) write(ctx context.Context, c *http.Client, address string) reply {
	m := l.makers[rand.IntN(len(l.makers))]
	return l.send(ctx, c, address, fmt.Sprintf("%s-%d", m.name, serial.Add(1)))
}

// send makes the thing of an id, perhaps not for the first time.
func (l *ledger) send(ctx context.Context, c *http.Client, address, id string) reply {
	m := makerOf(id)
	l.note("sent", id)
	what := m.make(id)
	r, sendable := l.authorize(ctx, c, address, m, &what)
	if sendable {
		r = ask(ctx, c, address, what)
	}
	l.mu.Lock()
	l.slowest = max(l.slowest, r.took)
	l.mu.Unlock()
	switch {
	case sendable && r.err == nil && r.status == m.status:
		l.note("ack", id)
	case r.err == nil && !r.refusedWell():
		l.mu.Lock()
		l.wrong = append(l.wrong, r)
		l.mu.Unlock()
		fallthrough
	default:
		l.note("err", id)
	}
	return r
}

// work lets n clients write until ctx is done. What breaks off counts as an
// error that was told to the client; after one a client takes a breath.
func (l *ledger) work(ctx context.Context, n int, address func() string) *sync.WaitGroup {
	var clients sync.WaitGroup
	c := client(35 * time.Second)
	for range n {
		clients.Go(func() {
			for ctx.Err() == nil {
				// The request itself is not cut: an answer on its way is to be read.
				if r := l.write(context.WithoutCancel(ctx), c, address()); r.err != nil || r.status >= 500 {
					select {
					case <-time.After(20 * time.Millisecond):
					case <-ctx.Done():
					}
				}
			}
			c.CloseIdleConnections()
		})
	}
	return &clients
}

// audit reads everything back through the interface, holds it to the ledger,
// and repeats what nobody knows the end of.
func (b *trial) audit(l *ledger, address string) {
	repeated := 0
	for _, id := range l.with("err") {
		if r := l.send(b, patient, address, id); r.status == makerOf(id).status {
			repeated++
		}
	}
	lost, twice := b.missing(l.with("ack"), address)
	most(b, "lost", lost, 0)
	most(b, "duplicate", twice, 0)
	most(b, "unrepeatable", l.count("err"), 0)
	most(b, "wrong_answers", len(l.wrong), 0)
	for _, r := range l.wrong[:min(3, len(l.wrong))] {
		fmt.Fprintf(os.Stderr, "   wrong answer: %v\n", r)
	}
	b.checks = append(b.checks, check{figure: fmt.Sprintf("repeated=%d", repeated), limit: "any", ok: true})
}

// missing tells how many ids are not there, read through the interfaces, and
// how many are there more than once.
func (b *trial) missing(ids []string, address string) (lost, twice int) {
	for _, m := range makers {
		there := m.all(b, address)
		for _, id := range ids {
			if makerOf(id).name == m.name && there[id] == 0 {
				lost++
			}
			if makerOf(id).name == m.name && there[id] > 1 {
				twice++
			}
		}
	}
	return lost, twice
}
