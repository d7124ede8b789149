package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"

	"keyrack/test/rig"
)

const quit = syscall.SIGQUIT

// between is a random time.
func between(least, most time.Duration) time.Duration {
	n, err := rand.Int(rand.Reader, big.NewInt(int64(most-least)))
	if err != nil {
		panic(err) // never (crypto/rand)
	}
	return least + time.Duration(n.Int64())
}

// receiver takes the events that are delivered to it.
type receiver struct {
	url  string
	mu   sync.Mutex // guards seen
	seen map[string]bool
}

func (b *trial) newReceiver() *receiver {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a socket on loopback opens at once
	b.must(err)
	r := &receiver{url: "http://" + l.Addr().String() + "/", seen: map[string]bool{}}
	server := &http.Server{Handler: r, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	b.later(func() { _ = server.Close() })
	return r
}

// ServeHTTP notes an event.
func (r *receiver) ServeHTTP(_ http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen[string(body)] = true
}

// missing tells of how many sessions no event has come of each of the sorts.
func (r *receiver) missing(sessions []string, sorts ...string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	of := map[string]string{}
	for body := range r.seen {
		for _, part := range strings.Split(body, `"`) {
			if len(part) == 36 {
				of[part] += body
			}
		}
	}
	for _, id := range sessions {
		for _, sort := range sorts {
			if !strings.Contains(of[id], sort) {
				n++
				break
			}
		}
	}
	return n
}

func newSigner() (ssh.Signer, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return ssh.NewSignerFromKey(private)
}

// bring logs in to a session with a key and waits to be told that it is recorded.
func bring(ctx context.Context, dialer *net.Dialer, address, identifier string, key ssh.Signer) (string, error) {
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return "", err
	}
	nothing := func(string, string, []string, []bool) ([]string, error) { return nil, nil }
	banners := ""
	c, channels, requests, err := ssh.NewClientConn(conn, address, &ssh.ClientConfig{
		User: identifier, BannerCallback: func(text string) error { banners += text; return nil }, HostKeyCallback: ssh.InsecureIgnoreHostKey(),
		Auth: []ssh.AuthMethod{ssh.PublicKeys(key), ssh.KeyboardInteractive(nothing)},
	})
	if err != nil {
		return banners, err
	}
	client := ssh.NewClient(c, channels, requests)
	defer client.Close()
	s, err := client.NewSession()
	if err != nil {
		return "", err
	}
	said, err := s.Output("")
	return string(said), err
}

// person brings a key to a session of her own and notes that it was recorded.
type person struct {
	b        *trial
	receiver *receiver
	ledger   *ledger
}

func (p person) visit(ctx context.Context, c *http.Client, s *rig.Server) error {
	body := fmt.Sprintf(`{"external_id": "ada", "webhooks": [{"url": %q, "retries": 20, "initial_backoff": 1, "backoff_multiplier": 1}]}`, p.receiver.url)
	r := ask(ctx, c, s.HTTP, newSession("", body))
	if r.err != nil || r.status != http.StatusCreated {
		return fmt.Errorf("session: %v", r)
	}
	var made session
	if err := decode(r.body, &made); err != nil {
		return err
	}
	key, err := newSigner()
	if err != nil {
		return err
	}
	said, err := bring(ctx, &net.Dialer{}, s.SSH, made.Identifier, key)
	if err != nil || !strings.HasPrefix(said, "Recorded 1 key") {
		return fmt.Errorf("ssh: %q, %w", said, err)
	}
	p.ledger.mu.Lock()
	defer p.ledger.mu.Unlock()
	_, _ = fmt.Fprintln(p.ledger.file, "recorded", made.ID, ssh.FingerprintSHA256(key.PublicKey()))
	p.ledger.events[made.ID] = true
	return nil
}

// visits lets people come, one after the other, until ctx is done.
func (p person) visits(ctx context.Context, n int, s *rig.Server, group *sync.WaitGroup) {
	c := client(10 * time.Second)
	for range n {
		group.Go(func() {
			for ctx.Err() == nil {
				if p.visit(context.WithoutCancel(ctx), c, s) != nil {
					return // the server is being killed
				}
			}
		})
	}
}

// killed is F1.
func killed(b *trial) {
	p := b.peopled()
	l, r := b.newLedger(), b.newReceiver()
	visitor := person{b, r, l}
	cycles := sized(b, map[string]int{"sqlite": 50, "pg": 15}[b.db], 200)
	longest := 1500 * time.Millisecond
	if !b.night && b.db == "sqlite" { // which does as much in less time
		longest = time.Second
	}
	slowest := time.Duration(0)
	broken := 0
	for i := range cycles {
		if i%5 == 4 {
			b.killStarting(p)
		}
		s, err := p.Serve()
		b.must(err)
		slowest = max(slowest, s.Started)
		ctx, cancel := context.WithCancel(b)
		clients := l.work(ctx, 8, func() string { return s.HTTP })
		visitor.visits(ctx, 2, s, clients)
		clients.Go(func() { b.operate(ctx, p, l) })
		b.pause(between(50*time.Millisecond, longest))
		s.Kill()
		cancel()
		clients.Wait()
		if b.night || i%10 == 9 {
			broken += b.unsound(p)
		}
	}
	acks := l.count("ack")
	s := b.serve(p)
	slowest = max(slowest, s.Started)
	b.audit(l, s.HTTP)
	b.wantEvents(l, r)
	b.wantCollected(l, s)
	b.wantApplied(p, l)
	most(b, "torn", broken+b.unsound(p), 0)
	most(b, "start", slowest, 3*time.Second)
	leastPace(b, "acks_per_cycle", acks/cycles, 100)
}

// killStarting kills a server before it has started.
func (b *trial) killStarting(p rig.Program) {
	s, err := p.Launch()
	b.must(err)
	b.pause(between(0, 500*time.Millisecond))
	s.Kill()
}

// operate applies files beside the server, which work on the store by
// themselves, each with a key for bob.
func (b *trial) operate(ctx context.Context, p rig.Program, l *ledger) {
	for ctx.Err() == nil {
		key, err := newSigner()
		if err != nil {
			return
		}
		name := fmt.Sprintf("applied-%d", serial.Add(1))
		file := fmt.Sprintf("accounts: [{login: bob, keys: [{name: %s, public_key: %s}]}]", name,
			strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key.PublicKey()))))
		// The end of the server ends a command half of the time.
		life := b.Context
		if serial.Load()%2 == 0 {
			life = ctx
		}
		if _, err := p.Must(life, file, "apply", "-f", "-"); err == nil {
			l.mu.Lock()
			_, _ = fmt.Fprintln(l.file, "applied", name)
			l.applied = append(l.applied, name)
			l.mu.Unlock()
		}
	}
}

// wantApplied looks for each key that was applied, and for those that were
// collected, with their owners: once.
func (b *trial) wantApplied(p rig.Program, l *ledger) {
	count := func(owner, field string) map[string]int {
		out, err := p.Must(b, "", "key", "list", "--owner", owner, "--json")
		b.must(err)
		var keys []map[string]any
		b.must(decode(out, &keys))
		n := map[string]int{}
		for _, k := range keys {
			n[fmt.Sprint(k[field])]++
		}
		return n
	}
	lost, twice := 0, 0
	names := count("bob", "name")
	for _, name := range l.applied {
		if names[name] == 0 {
			lost++
		}
	}
	for _, n := range names {
		twice += n - 1
	}
	adopted := count("ada", "fingerprint")
	for _, n := range adopted {
		twice += n - 1
	}
	least(b, "applied", len(l.applied), 1)
	most(b, "applied_lost", lost, 0)
	most(b, "keys_twice", twice, 0)
	least(b, "adopted", len(adopted), len(l.events))
}

// unsound is 1 where `keyrack db check` finds anything.
func (b *trial) unsound(p rig.Program) int {
	out, problems, code := p.Run(b, nil, "db", "check")
	if code != 0 {
		fmt.Fprintf(os.Stderr, "   db check = %d: %s%s\n", code, out, problems)
		return 1
	}
	return 0
}

// wantEvents waits for an event of each sort for every session that a key was
// recorded in.
func (b *trial) wantEvents(l *ledger, r *receiver) {
	l.mu.Lock()
	var ids []string
	for id := range l.events {
		ids = append(ids, id)
	}
	l.mu.Unlock()
	late := time.Now().Add(time.Minute)
	missing := len(ids)
	for missing > 0 && time.Now().Before(late) {
		missing = r.missing(ids, "connection", "collected", "completed")
		b.pause(50 * time.Millisecond)
	}
	least(b, "visits", len(ids), 1)
	most(b, "events_missing", missing, 0)
}

// wantCollected looks whether each recorded session is complete, has its key once.
func (b *trial) wantCollected(l *ledger, s *rig.Server) {
	var missing atomic.Int64
	for id := range l.events {
		r := ask(b, patient, s.HTTP, call{method: http.MethodGet, path: sessionsPath + id + "/", header: withKey})
		if r.status != http.StatusOK || !strings.Contains(r.body, `"completed"`) || strings.Count(r.body, `"public_key_ssh"`) != 1 {
			missing.Add(1)
		}
	}
	most(b, "collected_missing", int(missing.Load()), 0)
}
