package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"keyrack/internal/pgtest"
)

// try is one request that reached a receiver.
type try struct {
	id      string // of the delivery
	event   string
	session string
	attempt int
}

// receiver takes webhooks and fails the first try of each delivery to /again.
type receiver struct {
	*httptest.Server
	got chan try
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{got: make(chan try, 10_000)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, in *http.Request) {
		var e struct {
			ID, Event  string
			Attempt    int
			Invocation string `json:"webhook_invocation_id"`
		}
		body, err := io.ReadAll(in.Body)
		if err == nil {
			err = json.Unmarshal(body, &e)
		}
		if err != nil || e.Invocation != in.Header.Get("webhook-id") {
			t.Errorf("webhook with the body %q and the id %q: %v", body, in.Header.Get("webhook-id"), err)
		}
		if in.URL.Path == "/again" && e.Attempt == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		r.got <- try{e.Invocation, e.Event, e.ID, e.Attempt}
	}))
	t.Cleanup(r.Close)
	return r
}

// beside makes another installation of the same server, with the same key set,
// as a second machine has on one PostgreSQL.
func (p *program) beside() *program {
	p.t.Helper()
	other := newProgram(p.t, p.url)
	if err := os.Mkdir(other.data, 0o700); err != nil {
		p.t.Fatal(err)
	}
	for _, name := range []string{"master.key", "keyset.json"} {
		text, err := os.ReadFile(filepath.Join(p.data, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(other.data, name), text, 0o600)
		}
		if err != nil {
			p.t.Fatal(err)
		}
	}
	return other
}

// serveHooks runs a server whose webhooks may reach this machine.
func (p *program) serveHooks() *server {
	p.t.Helper()
	config := filepath.Join(p.dir, "keyrack.yaml")
	if err := os.WriteFile(config, []byte("webhooks: {allow_to: [127.0.0.0/8]}\nssh: {per_minute: 100000}\n"), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return p.serve("--config", config)
}

// TestTwoServersDeliverOnce runs two servers on one PostgreSQL, with events that
// both of them write: each try of each event is made once, by one of them, and
// a delivery that fails is tried again once.
func TestTwoServersDeliverOnce(t *testing.T) {
	t.Parallel()
	const sessions = 30
	events := []string{"new_connection", "key_collected", "status_changed"}
	p := newProgram(t, pgtest.URL(t))
	p.must(onlyWorld, "apply", "-f", "-")
	servers := []*server{p.serveHooks(), p.beside().serveHooks()}
	r := newReceiver(t)
	hooks := fmt.Sprintf(`{"multi_key": true, "webhooks": [{"url": %q}, {"url": %q, "retries": 3, "initial_backoff": 1}]}`, r.URL+"/once", r.URL+"/again")
	var visitors sync.WaitGroup
	for i := range sessions {
		made, at := servers[i%2].open(hooks), servers[(i+1)%2]
		visitors.Go(func() { at.visit(made) })
	}
	visitors.Wait()

	tries := map[string][]try{}
	for range sessions * len(events) * 3 {
		select {
		case got := <-r.got:
			tries[got.id] = append(tries[got.id], got)
		case <-time.After(patience):
			t.Fatalf("no further webhook in time, after tries of %d deliveries\n%s\n%s", len(tries), servers[0].err, servers[1].err)
		}
	}
	p.settled(2 * sessions * len(events))
	if extra := len(r.got); extra != 0 {
		t.Errorf("%d requests more than there are tries", extra)
	}
	seen := map[string]int{}
	for id, of := range tries {
		for i, got := range of {
			if got.attempt != i+1 {
				t.Errorf("delivery %s: request %d says that it is try %d", id, i+1, got.attempt)
			}
		}
		seen[fmt.Sprint(of[0].session, of[0].event, len(of))]++
	}
	for what, n := range seen {
		if n != 1 {
			t.Errorf("%s: %d deliveries, want one to each webhook", what, n)
		}
	}
	if len(seen) != 2*sessions*len(events) {
		t.Errorf("%d events arrived as they should, want %d", len(seen), 2*sessions*len(events))
	}
	counts := []int{servers[0].tries(), servers[1].tries()}
	t.Logf("tries by server: %v", counts)
	if counts[0]+counts[1] != 3*sessions*len(events) {
		t.Errorf("the servers count %v tries, want %d together", counts, 3*sessions*len(events))
	}
}

// visit brings one key to a session.
func (s *server) visit(made session) {
	s.t.Helper()
	c, err := ssh.Dial("tcp", s.SSH, sshClient(made.Identifier, newKey(s.t)))
	if err != nil {
		s.t.Errorf("ssh: %v", err)
		return
	}
	_ = c.Close()
}

// settled waits until all deliveries have ended, which must be well.
func (p *program) settled(want int) {
	p.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(patience); ; {
		var delivered, failed []struct{ ID string }
		p.list(&delivered, "webhook", "deliveries", "--state", "delivered", "--limit", strconv.Itoa(2*want))
		p.list(&failed, "webhook", "deliveries", "--state", "failed")
		if len(delivered) == want && len(failed) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			p.t.Fatalf("%d deliveries arrived and %d failed, want all %d delivered", len(delivered), len(failed), want)
		}
	}
}

var triesCounted = regexp.MustCompile(`(?m)^keyrack_webhook_[a-z_]*_count\{[^}]*\} ([0-9]+)$`)

// tries counts those that a server has made.
func (s *server) tries() (n int) {
	s.t.Helper()
	_, text := s.page("metrics")
	for _, m := range triesCounted.FindAllStringSubmatch(text, -1) {
		more, err := strconv.Atoi(m[1])
		if err != nil {
			s.t.Fatal(err)
		}
		n += more
	}
	if n == 0 && !strings.Contains(text, "keyrack_") {
		s.t.Fatalf("no metrics: %s", text)
	}
	return n
}
