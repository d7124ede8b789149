package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"keyrack/internal/cli"
)

// TestMain lets tests run `keyrack` as a process of its own, which can be killed.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"keyrack": func() {
		os.Exit(cli.Main(context.Background(), cli.Env{
			Program: os.Args[0], Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv,
		}))
	}})
}

// patience bounds every wait for something that should happen soon.
const patience = time.Minute

// request is what a receiver got.
type request struct {
	header http.Header
	body   []byte
	event  string // the kind, and the new status
	id     string
	try    int
}

// receiver is a receiver of webhooks that notes what it gets.
type receiver struct {
	*httptest.Server
	got chan request

	mu     sync.Mutex // guards status
	status int        // what it answers
}

func newReceiver(t *testing.T, status int) *receiver {
	t.Helper()
	r := &receiver{got: make(chan request, 1000), status: status}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, in *http.Request) {
		var e struct {
			Event   string
			ID      string `json:"webhook_invocation_id"`
			Attempt int
			Payload struct {
				Status string `json:"verify_session_status"`
			}
		}
		body, err := io.ReadAll(in.Body)
		if err := errors.Join(err, json.Unmarshal(body, &e)); err != nil {
			t.Errorf("webhook with the body %q: %v", body, err)
		}
		r.mu.Lock()
		w.WriteHeader(r.status)
		r.mu.Unlock()
		r.got <- request{in.Header, body, strings.TrimSpace(e.Event + " " + e.Payload.Status), e.ID, e.Attempt}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// next waits for a request.
func (r *receiver) next(t *testing.T) request {
	t.Helper()
	select {
	case got := <-r.got:
		return got
	case <-time.After(patience):
		t.Fatal("no webhook within a minute")
		panic("unreachable")
	}
}

// installation is a data directory, with a server that can be ended and
// started again.
type installation struct {
	t      *testing.T
	dir    string
	http   string
	port   string
	server *exec.Cmd
	key    string // an API key of project p
}

func install(t *testing.T, allowTo string) *installation {
	t.Helper()
	in := &installation{t: t, dir: t.TempDir()}
	in.write("config.yaml", "data_dir: data\nwebhooks:\n  allow_to: ["+allowTo+"]\n")
	in.write("world.yaml", "projects:\n  - name: p\n")
	in.run("apply", "-f", filepath.Join(in.dir, "world.yaml"))
	in.key = strings.TrimSpace(in.field(in.run("project", "key", "add", "p", "test", "--json"), "key"))
	must(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", filepath.Join(in.dir, "id"))
	in.start()
	return in
}

func (in *installation) write(name, text string) {
	in.t.Helper()
	if err := os.WriteFile(filepath.Join(in.dir, name), []byte(text), 0o600); err != nil {
		in.t.Fatal(err)
	}
}

func (in *installation) command(args ...string) *exec.Cmd {
	cmd := exec.Command("keyrack", append(args, "--config", filepath.Join(in.dir, "config.yaml"))...)
	cmd.Env = append(os.Environ(), "NO_PROXY=*")
	return cmd
}

// run runs a command of the program and gives what it printed.
func (in *installation) run(args ...string) string {
	in.t.Helper()
	cmd := in.command(args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		in.t.Fatalf("keyrack %q: %v\n%s", args, err, stderr.String())
	}
	return string(out)
}

// field takes a field out of an object in JSON.
func (in *installation) field(text, name string) string {
	in.t.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(text), &fields); err != nil || fields[name] == nil {
		in.t.Fatalf("no field %s in %s: %v", name, text, err)
	}
	return fmt.Sprint(fields[name])
}

func must(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}

// start runs the server and waits until it listens.
func (in *installation) start() {
	in.t.Helper()
	ready, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		in.t.Fatal(err)
	}
	_ = ready.Close()
	file := filepath.Join(in.dir, "ready")
	_ = os.Remove(file) // of an earlier run
	in.server = in.command("serve", "--http-addr", "127.0.0.1:0", "--ssh-addr", "127.0.0.1:0", "--ready-file", file)
	listens := &announced{until: []byte("ssh"), file: file, found: make(chan []byte, 1)}
	in.server.Stderr = listens
	if err := in.server.Start(); err != nil {
		in.t.Fatal(err)
	}
	in.t.Cleanup(in.kill)
}
