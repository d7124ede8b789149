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
	in.key = strings.TrimSpace(in.field(in.run("apikey", "add", "p", "test", "--json"), "secret"))
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
	cmd := exec.CommandContext(context.WithoutCancel(in.t.Context()), "keyrack", append(args, "--config", filepath.Join(in.dir, "config.yaml"))...)
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
	file := filepath.Join(in.dir, "ready")
	_ = os.Remove(file) // of an earlier run
	in.server = in.command("serve", "--http-addr", "127.0.0.1:0", "--ssh-addr", "127.0.0.1:0", "--ready-file", file)
	log, err := os.OpenFile(filepath.Join(in.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		in.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	in.server.Stderr = log
	if err := in.server.Start(); err != nil {
		in.t.Fatal(err)
	}
	in.t.Cleanup(in.kill)
	var running struct{ HTTP, SSH string }
	if err := json.Unmarshal(in.await(file), &running); err != nil {
		in.t.Fatal(err)
	}
	in.http = "http://" + running.HTTP
	_, in.port, _ = net.SplitHostPort(running.SSH)
}

// await waits for a file that is put in its place whole. Nothing tells of
// that, so it looks again and again.
func (in *installation) await(file string) []byte {
	in.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for {
		if text, err := os.ReadFile(file); err == nil {
			return text
		}
		select {
		case <-tick.C:
		case <-late:
			log, _ := os.ReadFile(filepath.Join(in.dir, "log"))
			in.t.Fatalf("no %s within a minute; the log:\n%s", file, log)
		}
	}
}

// kill ends the server as a power cut would.
func (in *installation) kill() {
	if in.server.ProcessState == nil {
		_ = in.server.Process.Kill()
		_ = in.server.Wait()
	}
}

// verify opens a verify session that wants the installation's key, with a
// webhook, and gives its identifier.
func (in *installation) verify(url string, retries int) string {
	in.t.Helper()
	status, text := in.create(url, retries)
	if status != http.StatusCreated {
		in.t.Fatalf("create a session: %d %s", status, text)
	}
	return in.field(text, "connection_identifier")
}

// create asks for such a session.
func (in *installation) create(url string, retries int) (status int, text string) {
	in.t.Helper()
	key, err := os.ReadFile(filepath.Join(in.dir, "id.pub"))
	if err != nil {
		in.t.Fatal(err)
	}
	body, err := json.Marshal(map[string]any{
		"keys":     []any{map[string]any{"public_key": string(key)}},
		"webhooks": []any{map[string]any{"url": url, "retries": retries, "initial_backoff": 1}},
	})
	if err != nil {
		in.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(in.t.Context(), http.MethodPost, in.http+"/api/v1/ssh/verify/sessions/", bytes.NewReader(body))
	if err != nil {
		in.t.Fatal(err)
	}
	req.Header.Set("x-api-key", in.key)
	req.Header.Set("Content-Type", "application/json")
	reply, err := http.DefaultClient.Do(req)
	if err != nil {
		in.t.Fatal(err)
	}
	defer func() { _ = reply.Body.Close() }()
	answer, err := io.ReadAll(reply.Body)
	if err != nil {
		in.t.Fatal(err)
	}
	return reply.StatusCode, string(answer)
}

// ssh proves the installation's key to a session.
func (in *installation) ssh(identifier string) {
	in.t.Helper()
	must(in.t, "ssh", "-F", "none", "-o", "IdentityAgent=none", "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no",
		"-o", "UserKnownHostsFile=/dev/null", "-i", filepath.Join(in.dir, "id"), "-p", in.port, "-l", identifier, "127.0.0.1")
}

// delivery is what `keyrack webhook deliveries` says of one.
type delivery struct {
	ID, Event, State, Last string
	Tries                  int
}

func (in *installation) deliveries(state string) []delivery {
	in.t.Helper()
	var list []delivery
	if err := json.Unmarshal([]byte(in.run("webhook", "deliveries", "--state", state, "--json")), &list); err != nil {
		in.t.Fatal(err)
	}
	return list
}

// settled waits until n deliveries have that state. The store tells nobody, so
// it is asked again and again.
func (in *installation) settled(state string, n int) []delivery {
	in.t.Helper()
	for late := time.Now().Add(patience); ; {
		list := in.deliveries(state)
		if len(list) == n {
			return list
		}
		if time.Now().After(late) {
			in.t.Fatalf("%d deliveries are %s, want %d", len(list), state, n)
		}
	}
}

// signed checks a request as its receiver is to do.
func (in *installation) signed(secret string, r request) {
	in.t.Helper()
	checker, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		in.t.Fatal(err)
	}
	if err := checker.Verify(r.body, r.header); err != nil {
		in.t.Errorf("%s: signature: %v", r.event, err)
	}
	if err := checker.Verify(append(r.body, ' '), r.header); err == nil {
		in.t.Errorf("%s: the signature holds for another body too", r.event)
	}
	if r.header.Get("webhook-id") != r.id {
		in.t.Errorf("webhook-id = %q, want %q", r.header.Get("webhook-id"), r.id)
	}
}

var verifiedEvents = []string{"new_connection", "verified", "status_changed verified"}

const loopback = "127.0.0.0/8"

// A receiver gets every event of a verify session, in order and signed with
// the secret that the command prints.
func TestWebhooksArrive(t *testing.T) {
	t.Parallel()
	in, r := install(t, loopback), newReceiver(t, http.StatusNoContent)
	in.ssh(in.verify(r.URL, 0))
	secret := in.field(in.run("webhook", "secret", "p", "--json"), "secret")
	var got []string
	for range verifiedEvents {
		q := r.next(t)
		in.signed(secret, q)
		got = append(got, q.event)
	}
	if diff := cmp.Diff(verifiedEvents, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	in.settled("delivered", len(verifiedEvents))
}

// A receiver that is down at first gets every event by a later try, under the
// same ids.
func TestWebhooksAreRetried(t *testing.T) {
	t.Parallel()
	in, r := install(t, loopback), newReceiver(t, http.StatusServiceUnavailable)
	in.ssh(in.verify(r.URL, 20))
	first := map[string]string{}
	for len(first) < len(verifiedEvents) {
		q := r.next(t)
		first[q.id] = q.event
	}
	r.answer(http.StatusOK)
	for _, d := range in.settled("delivered", len(verifiedEvents)) {
		if first[d.ID] == "" || d.Tries < 2 {
			t.Errorf("%+v, want it to be one of %v, after two tries or more", d, first)
		}
	}
}

// A server that is killed after events were written and before they could be
// delivered loses none of them.
func TestWebhooksOutliveTheServer(t *testing.T) {
	t.Parallel()
	in, r := install(t, loopback), newReceiver(t, http.StatusServiceUnavailable)
	in.ssh(in.verify(r.URL, 20))
	in.kill()
	r.answer(http.StatusOK)
	if n := len(in.deliveries("delivered")); n != 0 {
		t.Fatalf("%d deliveries before the server starts again, want none", n)
	}
	in.start()
	in.settled("delivered", len(verifiedEvents))
	got := map[string]bool{}
	for range len(r.got) {
		got[r.next(t).event] = true
	}
	for _, event := range verifiedEvents {
		if !got[event] {
			t.Errorf("%s never arrived", event)
		}
	}
}

// Without leave, webhooks do not reach this machine: an address is refused when
// it is given, a name that leads there when it is dialled. What failed can be
// sent once more, and fails again as long as nothing has changed.
func TestWebhooksStayOutside(t *testing.T) {
	t.Parallel()
	in, r := install(t, ""), newReceiver(t, http.StatusOK)
	if status, text := in.create(r.URL, 0); status != http.StatusBadRequest ||
		!strings.Contains(text, `"message":"must not go to an internal or special address","location":"body.webhooks[0].url"`) {
		t.Errorf("a webhook to a loopback address: %d %s, want 400 at its url", status, text)
	}
	in.ssh(in.verify(strings.Replace(r.URL, "127.0.0.1", "localhost", 1), 0))
	failed := in.settled("failed", len(verifiedEvents))
	for _, d := range failed {
		if d.Tries != 1 || !strings.Contains(d.Last, "not allowed") {
			t.Errorf("%+v, want one try that says the address is not allowed", d)
		}
	}
	in.kill()
	in.write("config.yaml", "data_dir: data\nwebhooks:\n  allow_to: ["+loopback+"]\n")
	if len(r.got) != 0 {
		t.Fatalf("%d requests arrived, want none", len(r.got))
	}
	in.start()
	in.run("webhook", "replay", failed[0].ID)
	if q := r.next(t); q.id != failed[0].ID || q.try != 2 {
		t.Errorf("replayed delivery arrived as %s, try %d; want %s, try 2", q.id, q.try, failed[0].ID)
	}
	in.settled("delivered", 1)
	if n := len(in.deliveries("failed")); n != len(verifiedEvents)-1 {
		t.Errorf("%d deliveries are failed still, want those that were not replayed", n)
	}
}
