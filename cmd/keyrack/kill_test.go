package main

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// killCycles is how often a server is killed, by database; KEYRACK_KILL_CYCLES
// raises it for both.
var killCycles = map[bool]int{false: 50, true: 15} // by whether it is PostgreSQL

// fromEnv is a number from the environment, or else another.
func fromEnv(t testing.TB, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// TestKilled kills a server with SIGKILL at random moments, while backends
// create sessions, people bring keys and an operator applies files, and starts
// it again on the same data. What anybody was told is done is there afterwards,
// and is there once.
func TestKilled(t *testing.T) {
	eachStore(t, func(t *testing.T, p *program) {
		seed := fromEnv(t, "KEYRACK_KILL_SEED", rand.Uint64())
		t.Logf("KEYRACK_KILL_SEED=%d", seed)
		k := &killing{
			program: p, random: rand.New(rand.NewPCG(seed, seed)),
			ledger: ledger{sessions: map[string]string{}, collected: map[string]string{}, applied: map[string]bool{}},
		}
		p.must(killWorld, "apply", "-f", "-")
		k.config = filepath.Join(p.dir, "keyrack.yaml")
		if err := os.WriteFile(k.config, []byte("faces: {sshverify: {requests_per_minute: 1000000}}"), 0o600); err != nil {
			t.Fatal(err)
		}
		for range fromEnv(t, "KEYRACK_KILL_CYCLES", uint64(killCycles[p.url != ""])) {
			k.cycle()
		}
		k.audit(p.serve("--config", k.config))
	})
}

const killWorld = `
accounts: [{login: ada}, {login: bob}]
projects:
  - {name: onboarding, adopt_keys: proven, prove_keys: true, api_keys: [{name: ci, secret: ` + testAPIKey + `}]}
`

// killing is one run of the test.
type killing struct {
	*program
	random *rand.Rand
	config string
	ledger ledger
}

// ledger is what clients were told is done.
type ledger struct {
	mu        sync.Mutex // guards what follows
	next      int
	sessions  map[string]string // id by external id
	collected map[string]string // key by id of the session it came in by
	applied   map[string]bool   // names of keys
	noted     int
	goal      int           // how many are to be noted
	reached   chan struct{} // closed when they are
}

// after gives a channel that is closed when n more are noted.
func (l *ledger) after(n int) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.goal, l.reached = l.noted+n, make(chan struct{})
	return l.reached
}

// name makes a name that nothing has had.
func (l *ledger) name(what string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	return fmt.Sprintf("%s-%d", what, l.next)
}

// note writes down something that was acknowledged.
func (l *ledger) note(fn func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fn()
	if l.noted++; l.noted == l.goal {
		close(l.reached)
	}
}

// moment is a random time up to most.
func (k *killing) moment(most time.Duration) <-chan time.Time {
	return time.After(time.Duration(k.random.Int64N(int64(most))))
}

// cycle starts the server, lets clients at it and kills it; one time in five
// already while it starts.
func (k *killing) cycle() {
	if k.random.IntN(5) == 0 {
		s, err := start(k.command("serve", "--config", k.config, "--http-addr", "127.0.0.1:0", "--ssh-addr", "127.0.0.1:0"))
		if err != nil {
			k.t.Fatal(err)
		}
		<-k.moment(500 * time.Millisecond)
		k.kill(s)
		return
	}
	s := k.serve("--config", k.config)
	ctx, giveUp := context.WithCancel(k.t.Context())
	life := ctx // of commands: they are killed with the server, or not
	if k.random.IntN(2) == 0 {
		life = k.t.Context()
	}
	operator := func(ctx context.Context, s *server) { k.operator(ctx, life, s) }
	busy := k.ledger.after(1 + k.random.IntN(60))
	var clients sync.WaitGroup
	for _, work := range []func(context.Context, *server){k.backend, k.backend, k.person, k.person, operator} {
		clients.Go(func() {
			for ctx.Err() == nil {
				work(ctx, s)
			}
		})
	}
	select {
	case <-busy:
	case <-time.After(patience):
		k.t.Error("clients are told nothing")
	}
	<-k.moment(100 * time.Millisecond)
	k.kill(s.process)
	giveUp()
	clients.Wait()
}

// kill ends a server, which must not have ended by itself.
func (k *killing) kill(p *process) {
	k.t.Helper()
	_ = p.Process.Kill()
	if how, err := p.ended(); how != "killed" {
		k.t.Errorf("the server ended with %s, %v before it was killed: %s", how, err, p.err)
	}
}

// create makes a session; it gives nothing where nobody was told that there is one.
func (k *killing) create(ctx context.Context, s *server, external string) (made session, ok bool) {
	body := fmt.Sprintf(`{"multi_key": true, "external_id": %q}`, external)
	status, reply, err := s.ask(ctx, http.MethodPost, "", body)
	if err != nil || status != http.StatusCreated {
		k.wantKilled(ctx, s, "POST", fmt.Sprint(status, reply, err))
		return session{}, false
	}
	decode(k.t, reply, &made)
	return made, true
}

// wantKilled demands that the server was killed: nothing else may fail a client.
func (k *killing) wantKilled(ctx context.Context, s *server, what, how string) {
	select {
	case <-s.done:
	case <-ctx.Done():
	case <-time.After(patience):
		k.t.Errorf("%s failed, though the server lives: %s", what, how)
	}
}

// backend makes a session.
func (k *killing) backend(ctx context.Context, s *server) {
	external := k.ledger.name("session")
	if made, ok := k.create(ctx, s, external); ok {
		k.ledger.note(func() { k.ledger.sessions[external] = made.ID })
	}
}

// person brings a key to a session for ada.
func (k *killing) person(ctx context.Context, s *server) {
	made, ok := k.create(ctx, s, "ada")
	if !ok {
		return
	}
	key := newKey(k.t)
	if err := bring(ctx, s.SSH, made.Identifier, key); err != nil {
		k.wantKilled(ctx, s, "ssh", err.Error())
		return
	}
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key.PublicKey())))
	k.ledger.note(func() { k.ledger.collected[made.ID] = line })
}

// bring logs in to a session and waits to be told that the key is recorded.
func bring(ctx context.Context, address, name string, key ssh.Signer) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	c, channels, requests, err := ssh.NewClientConn(conn, address, sshClient(name, key))
	if err != nil {
		return err
	}
	client := ssh.NewClient(c, channels, requests)
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		return err
	}
	out, err := session.Output("")
	if err == nil && !strings.HasPrefix(string(out), "Recorded 1 key") {
		return fmt.Errorf("said %q", out)
	}
	return err
}

// operator applies a file with a key for bob. The command works on the store by
// itself; its life is its own, and may end with the server's.
func (k *killing) operator(ctx, life context.Context, s *server) {
	name := k.ledger.name("key")
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(newKey(k.t).PublicKey())))
	cmd := exec.CommandContext(life, "keyrack", "apply", "-f", "-")
	cmd.Dir, cmd.Env = k.dir, k.env
	cmd.Stdin = strings.NewReader(fmt.Sprintf("accounts: [{login: bob, keys: [{name: %s, public_key: %s}]}]", name, line))
	if out, err := cmd.CombinedOutput(); err != nil {
		k.wantKilled(ctx, s, "apply", fmt.Sprintf("%v: %s", err, out))
		return
	}
	k.ledger.note(func() { k.ledger.applied[name] = true })
}

// audit reads everything back and holds it to the ledger.
func (k *killing) audit(s *server) {
	k.t.Logf("acknowledged: %d sessions, %d collected keys, %d applied keys",
		len(k.ledger.sessions), len(k.ledger.collected), len(k.ledger.applied))
	if len(k.ledger.sessions) == 0 || len(k.ledger.collected) == 0 || len(k.ledger.applied) == 0 {
		k.t.Error("a sort of work was never done")
	}
	k.auditSessions(s)
	k.auditCollected(s)
	k.auditKeys("bob", "name", maps.Keys(k.ledger.applied))
	if out, problems, code := k.run("", "db", "check"); code != 0 {
		k.t.Errorf("db check = %d: %s%s", code, out, problems)
	}
}

// auditSessions looks for the sessions in the list that the interface gives.
func (k *killing) auditSessions(s *server) {
	seen := map[string]string{}
	for offset, more := 0, true; more; offset += 100 {
		status, reply, err := s.ask(k.t.Context(), http.MethodGet, fmt.Sprintf("?offset=%d", offset), "")
		if err != nil || status != http.StatusOK {
			k.t.Fatalf("GET = %d, %s, %v", status, reply, err)
		}
		var page struct {
			Items   []session
			HasMore bool `json:"has_more"`
		}
		decode(k.t, reply, &page)
		for _, found := range page.Items {
			if found.ExternalID != "ada" && seen[found.ExternalID] != "" {
				k.t.Errorf("session %s is there twice: %s, %s", found.ExternalID, seen[found.ExternalID], found.ID)
			}
			seen[found.ExternalID] = found.ID
		}
		more = page.HasMore
	}
	for external, id := range k.ledger.sessions {
		if seen[external] != id {
			k.t.Errorf("session %s was acknowledged as %s and is %q", external, id, seen[external])
		}
	}
}

// auditCollected looks for the collected keys in their sessions and with ada.
func (k *killing) auditCollected(s *server) {
	var fingerprints []string
	for id, line := range k.ledger.collected {
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			k.t.Fatal(err)
		}
		fingerprints = append(fingerprints, ssh.FingerprintSHA256(key))
		found := s.get(id)
		var lines []string
		for _, c := range found.Connections {
			for _, key := range c.Keys {
				lines = append(lines, key.SSH)
			}
		}
		if found.Status != "completed" || len(lines) != 1 || lines[0] != line {
			k.t.Errorf("session %s = %s, %q; want completed, %q", id, found.Status, lines, line)
		}
	}
	k.auditKeys("ada", "fingerprint", slices.Values(fingerprints))
}

// auditKeys looks for an account's keys, each of which must be there once.
func (k *killing) auditKeys(login, field string, want iter.Seq[string]) {
	var keys []map[string]any
	k.list(&keys, "key", "list", "--owner", login)
	count := map[string]int{}
	for _, key := range keys {
		count[fmt.Sprint(key[field])]++
	}
	for value, n := range count {
		if n > 1 {
			k.t.Errorf("the key of %s with %s %s is there %d times", login, field, value, n)
		}
	}
	for value := range want {
		if count[value] == 0 {
			k.t.Errorf("the key of %s with %s %s was acknowledged and is lost", login, field, value)
		}
	}
}
