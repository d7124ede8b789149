package sshd

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
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
	"keyrack/internal/store"
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "sshd-test-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	keyDir = dir
	if err := openStore(filepath.Join(dir, "keyrack.db")); err != nil {
		panic(err)
	}
	code := m.Run()
	if err := errors.Join(shared.Close(), goleak.Find()); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// shared is the store of all tests, each of which makes sessions of its own.
var shared *store.Store

// projects are those that do and do not ask for proofs.
var projects = map[bool]core.ProjectID{}

func openStore(path string) (err error) {
	ctx := context.Background()
	if shared, err = store.Open(ctx, store.Options{Path: path}); err != nil {
		return err
	}
	if err := shared.Migrate(ctx); err != nil {
		return err
	}
	return shared.Update(ctx, func(tx core.Tx) (err error) {
		now := core.Moment(time.Now())
		for _, prove := range []bool{true, false} {
			p := core.Project{Name: fmt.Sprintf("prove=%v", prove), Adopt: core.AdoptOff, ProveKeys: prove, CreatedAt: now, UpdatedAt: now}
			p.UUID = uuid.Must(uuid.NewV7())
			if projects[prove], err = tx.InsertProject(p); err != nil {
				return err
			}
		}
		return nil
	})
}

// faulty is core, failing on demand.
type faulty struct {
	Sessions
	connect, finish error // what to answer instead
}

func (f *faulty) Connect(ctx context.Context, by core.Actor, identifier, version string) (core.Visit, error) {
	if f.connect != nil {
		return core.Visit{}, f.connect
	}
	return f.Sessions.Connect(ctx, by, identifier, version)
}

func (f *faulty) Finish(ctx context.Context, by core.Actor, c core.Connection, keys []core.CollectedKey) ([]core.CollectedKey, error) {
	if f.finish != nil {
		return nil, f.finish
	}
	return f.Sessions.Finish(ctx, by, c, keys)
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

// world is a running server over a real core and store.
type world struct {
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
	w := &world{t: t, addr: ln.Addr().String(), log: &lineLog{lines: make(chan logLine, 4096)}}
	o := Options{
		Sessions: core.New(core.Options{Store: shared}), HostKeys: hostKeys(),
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
	writeFile(t, w.hosts, pin)
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

// session is what a test says of a session to make.
type session struct {
	core.Session
	prove bool
}

// add opens a session with the given properties and gives its identifier.
func (w *world) add(changes ...func(*session)) string {
	w.t.Helper()
	now := core.Moment(time.Now())
	s := session{Session: core.Session{
		UUID: uuid.Must(uuid.NewV7()), Kind: core.CollectSession, Identifier: core.NewIdentifier(),
		Status: core.SessionPending, CreatedAt: now, UpdatedAt: now,
	}}
	for _, change := range changes {
		change(&s)
	}
	s.Project = projects[s.prove]
	err := shared.Update(context.Background(), func(tx core.Tx) error {
		_, err := tx.InsertSession(s.Session)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return s.Identifier
}

// session reads a session back, with its connections.
func (w *world) session(identifier string) (out core.Session) {
	w.t.Helper()
	err := shared.View(context.Background(), func(tx core.Tx) error {
		found, err := tx.VisitedByIdentifier(identifier)
		out = found.Session
		if err == nil {
			out.Connections, err = tx.Connections(out.ID)
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// recorded gives the keys of the session's connections, those that left any.
func (w *world) recorded(identifier string) [][]core.CollectedKey {
	w.t.Helper()
	var out [][]core.CollectedKey
	for _, c := range w.session(identifier).Connections {
		if len(c.Keys) > 0 {
			out = append(out, c.Keys)
		}
	}
	return out
}

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

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

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
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited || ctx.Err() != nil {
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
