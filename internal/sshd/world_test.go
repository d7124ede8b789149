package sshd

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"

	"keyrack/internal/core"
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "sshd-test-")
	if err != nil {
		panic(err)
	}
	keyDir = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// recorder is core as far as this package sees it: it hands out sessions by
// identifier and remembers what it is told. That it keeps nothing makes no
// test here weaker; the store behind core has tests of its own.
type recorder struct {
	mu       sync.Mutex // guards all
	open     map[string]core.Visit
	visits   []visited
	finished []finish
	connect  error // what Connect answers instead
	finish   error // what Finish answers instead
}

type visited struct {
	identifier, version string
	address             netip.Addr
}

type finish struct {
	connection core.ConnectionID
	session    core.SessionID
	keys       []core.CollectedKey
}

// add makes a session with the given properties and gives its identifier.
func (r *recorder) add(change func(*core.Visit)) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	identifier := core.NewIdentifier()
	v := core.Visit{Session: core.Session{
		ID: core.SessionID(len(r.open) + 1), UUID: uuid.Must(uuid.NewV7()),
		Kind: core.CollectSession, Identifier: identifier, Status: core.SessionPending,
	}}
	if change != nil {
		change(&v)
	}
	if r.open == nil {
		r.open = map[string]core.Visit{}
	}
	r.open[identifier] = v
	return identifier
}

func (r *recorder) Connect(ctx context.Context, by core.Actor, identifier, version string) (core.Visit, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.visits = append(r.visits, visited{identifier, version, by.Origin().Address})
	if r.connect != nil {
		return core.Visit{}, r.connect
	}
	v, ok := r.open[identifier]
	if !ok || v.Session.Status != core.SessionPending {
		return core.Visit{}, core.Errorf(core.NotFound, "no open session with this name")
	}
	v.Connection = core.ConnectionID(len(r.visits))
	return v, ctx.Err()
}

func (r *recorder) Finish(ctx context.Context, _ core.Actor, c core.ConnectionID, keys []core.CollectedKey) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	identifier := r.visits[c-1].identifier
	v := r.open[identifier]
	switch {
	case r.finish != nil:
		return r.finish
	case ctx.Err() != nil:
		return ctx.Err()
	case v.Session.Status != core.SessionPending:
		return core.Errorf(core.Conflict, "the session is already %s", v.Session.Status)
	}
	if !v.Session.MultiConnection {
		v.Session.Status = core.SessionCompleted
		r.open[identifier] = v
	}
	r.finished = append(r.finished, finish{c, v.Session.ID, keys})
	return nil
}

// of gives the keys recorded for the session, connection by connection.
func (r *recorder) of(identifier string) [][]core.CollectedKey {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out [][]core.CollectedKey
	for _, f := range r.finished {
		if f.session == r.open[identifier].Session.ID {
			out = append(out, f.keys)
		}
	}
	return out
}

func (r *recorder) allVisits() []visited {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]visited(nil), r.visits...)
}

// logLine is what the log says of a connection.
type logLine struct {
	Level, Msg, Outcome, Address, Err string
	ClientVersion                     string `json:"client_version"`
	SessionID                         string `json:"session_id"`
	Offered                           int    `json:"keys_offered"`
	Proven                            int    `json:"keys_proven"`
	Skipped                           int    `json:"keys_skipped"`
	Duration                          int64
}

// lineLog takes log lines and lets tests wait for them.
type lineLog struct {
	lines chan logLine
	mu    sync.Mutex // guards raw
	raw   bytes.Buffer
}

func (l *lineLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	l.raw.Write(p)
	l.mu.Unlock()
	var line logLine
	if err := json.Unmarshal(p, &line); err != nil {
		return 0, err
	}
	if line.Msg == "ssh connection" {
		l.lines <- line
	}
	return len(p), nil
}

func (l *lineLog) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.raw.String()
}

// world is a running server.
type world struct {
	*recorder
	t      testing.TB
	server *Server
	addr   string
	port   string
	log    *lineLog
	stop   context.CancelFunc // tells the server to stop
	ended  <-chan struct{}    // closed when it has
	hosts  string             // known_hosts that pins its key
}

func newWorld(t testing.TB, change func(*Options)) *world {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return newWorldOn(t, ln, change)
}

func newWorldOn(t testing.TB, ln net.Listener, change func(*Options)) *world {
	t.Helper()
	w := &world{t: t, recorder: &recorder{}, addr: ln.Addr().String(), log: &lineLog{lines: make(chan logLine, 4096)}}
	o := Options{
		Sessions: w.recorder, HostKeys: hostKeys(),
		Log: slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&o)
	}
	server, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	w.server = server
	_, w.port, _ = net.SplitHostPort(w.addr)
	w.hosts = filepath.Join(t.TempDir(), "known_hosts")
	pin := "[127.0.0.1]:" + w.port + " " + string(ssh.MarshalAuthorizedKey(o.HostKeys[0].PublicKey()))
	if err := os.WriteFile(w.hosts, []byte(pin), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	w.stop, w.ended = stop, ended
	go func() {
		defer close(ended)
		if err := w.server.Serve(ctx, ln); err != nil {
			t.Errorf("Serve: %v", err)
		}
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	return w
}

var hostKeys = sync.OnceValue(func() []ssh.Signer {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	big, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return []ssh.Signer{signer(private), signer(big)}
})

// next waits for the log's line about a connection that has ended.
func (w *world) next() logLine {
	w.t.Helper()
	select {
	case line := <-w.log.lines:
		return line
	case <-time.After(time.Minute):
		w.t.Fatal("no connection ended within a minute")
		panic("unreachable")
	}
}

// result is how a client program ended.
type result struct {
	stdout, stderr string
	code           int
}

// client runs a client program with a home of its own and no agent.
func client(t testing.TB, stdin string, name string, args ...string) result {
	t.Helper()
	return clientEnv(t, nil, stdin, name, args...)
}

func clientEnv(t testing.TB, env []string, stdin string, name string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LC_ALL=C.UTF-8"}, env...)
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited || ctx.Err() != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, stderr.String())
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// ssh runs the OpenSSH client against the server.
func (w *world) ssh(identifier, stdin string, args ...string) result {
	w.t.Helper()
	return client(w.t, stdin, "ssh", w.sshArgs(identifier, args...)...)
}

func (w *world) sshArgs(identifier string, args ...string) []string {
	base := append([]string{"-F", "none"}, args...) // of an option given twice, ssh takes the first
	return append(base, "-o", "IdentityAgent=none", "-o", "UserKnownHostsFile="+w.hosts,
		"-o", "StrictHostKeyChecking=yes", "-p", w.port, "-l", identifier, "127.0.0.1")
}
