package main

import (
	"bufio"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

var stopping = regexp.MustCompile("msg=stopping")

// term asks the server to stop and waits until it says that it does.
func (s *server) term() {
	s.t.Helper()
	if err := s.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.await(stopping); err != nil {
		s.t.Fatalf("after SIGTERM: %v\n%s", err, s.err)
	}
}

// wantEnd waits for the end of the server.
func (s *server) wantEnd(want string) {
	s.t.Helper()
	if how, err := s.ended(); err != nil || how != want {
		s.t.Errorf("the server ended with %q, %v; want %q\n%s", how, err, want, s.err)
	}
}

// dial connects by TCP; what is not answered in time fails the test.
func dial(t testing.TB, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func write(t testing.TB, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
}

// reply reads an HTTP reply.
func reply(t testing.TB, conn net.Conn) (status int, body string) {
	t.Helper()
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(text)
}

func newKey(t testing.TB) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// prompted is an SSH client that has been asked to confirm its keys.
type prompted struct {
	t       testing.TB
	session *ssh.Session
	stdin   io.Writer
	out     *transcript
	status  int // the exit code, once an answer was pressed
}

// prompt connects to a session that asks for a confirmation, up to the question.
func (s *server) prompt(made session, key ssh.Signer) *prompted {
	s.t.Helper()
	c, err := ssh.Dial("tcp", s.SSH, sshClient(made.Identifier, key))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	session, err := c.NewSession()
	if err != nil {
		s.t.Fatal(err)
	}
	p := &prompted{t: s.t, session: session, out: newTranscript()}
	session.Stdout, session.Stderr = p.out, p.out
	if p.stdin, err = session.StdinPipe(); err != nil {
		s.t.Fatal(err)
	}
	if err := session.Shell(); err != nil {
		s.t.Fatal(err)
	}
	asked := &process{out: p.out, err: newTranscript(), done: make(chan struct{})}
	if _, err := asked.await(regexp.MustCompile("Press y to confirm")); err != nil {
		s.t.Fatalf("no question: %v\n%s", err, p.out)
	}
	return p
}

// press answers the question and gives what is said to it.
func (p *prompted) press(key string) (said string, ok bool) {
	p.t.Helper()
	_, _ = io.WriteString(p.stdin, key) // the answer may come before this returns
	err := p.session.Wait()
	if exit, ok := errors.AsType[*ssh.ExitError](err); ok {
		p.status = exit.ExitStatus()
	}
	return p.out.String(), err == nil
}

// flight is a request whose body is still under way.
type flight struct {
	conn net.Conn
	rest string
}

// takeOff sends a request but for the end of its body, once the server has
// begun to read that.
func (s *server) takeOff(body string) flight {
	s.t.Helper()
	conn := dial(s.t, s.HTTP)
	write(s.t, conn, fmt.Sprintf("POST /api/v1/ssh/collect/sessions/ HTTP/1.1\r\nHost: x\r\nX-Api-Key: %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", testAPIKey, len(body)))
	if status, text := reply(s.t, conn); status != http.StatusContinue {
		s.t.Fatalf("Expect: 100-continue = %d, %s", status, text)
	}
	write(s.t, conn, body[:10])
	return flight{conn, body[10:]}
}

// refuses tells whether an address soon takes no connections any more.
func refuses(address string) bool {
	late := time.After(patience)
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return true
		}
		_ = conn.Close()
		select {
		case <-again.C:
		case <-late:
			return false
		}
	}
}

// TestStop stops a server amid its work: what runs is finished, what is new is
// refused, and the server says that it is not ready.
func TestStop(t *testing.T) {
	eachStore(t, func(t *testing.T, p *program) {
		p.must(onlyWorld, "apply", "-f", "-")
		s := p.serve()
		key := newKey(t)
		person := s.prompt(s.open(`{"must_confirm": true, "external_id": "ada"}`), key)
		post := s.takeOff(`{"multi_key": true, "external_id": "in flight"}`)

		s.term()
		write(t, post.conn, post.rest)
		if status, text := reply(t, post.conn); status != http.StatusCreated {
			t.Errorf("the request in flight = %d, %s; want 201", status, text)
		}
		if status, text := s.page("readyz"); status != http.StatusServiceUnavailable || !strings.Contains(text, "serving failed") {
			t.Errorf("GET /readyz while stopping = %d, %q; want 503, serving failed", status, text)
		}
		if status, text := s.page("livez"); status != http.StatusOK {
			t.Errorf("GET /livez while stopping = %d, %q; want 200", status, text)
		}
		if status, text, err := s.ask(t.Context(), http.MethodPost, "", "{}"); status != http.StatusServiceUnavailable {
			t.Errorf("a new request while stopping = %d, %s, %v; want 503", status, text, err)
		}
		if !refuses(s.SSH) {
			t.Error("the SSH server still takes connections")
		}
		if said, ok := person.press("y"); !ok || !strings.Contains(said, "Recorded 1 key") {
			t.Errorf("the confirmation in flight gave %t, %q", ok, said)
		}
		s.wantEnd("0")

		var sessions []struct {
			External string `json:"external_id"`
			Status   string
		}
		p.list(&sessions, "session", "list")
		if got, want := fmt.Sprint(sessions), "[{in flight pending} {ada completed}]"; got != want {
			t.Errorf("sessions = %s, want %s", got, want)
		}
		var keys []struct{ Fingerprint string }
		p.list(&keys, "key", "list", "--owner", "ada")
		if len(keys) != 1 || keys[0].Fingerprint != ssh.FingerprintSHA256(key.PublicKey()) {
			t.Errorf("keys = %v, want %s", keys, ssh.FingerprintSHA256(key.PublicKey()))
		}
	})
}

// TestStopAtOnce asks again: somebody who waits for a confirmation no longer
// holds up the end.
func TestStopAtOnce(t *testing.T) {
	t.Parallel()
	p := newProgram(t, "")
	p.must(onlyWorld, "apply", "-f", "-")
	s := p.serve()
	s.prompt(s.open(`{"must_confirm": true}`), newKey(t))
	s.term()
	again := time.NewTicker(10 * time.Millisecond) // nothing tells when the next signal is no longer taken for the first
	defer again.Stop()
	for {
		_ = s.Process.Signal(syscall.SIGTERM) // it may have ended
		select {
		case <-s.done:
			s.wantEnd("terminated")
			return
		case <-again.C:
		}
	}
}

// TestStopCuts gives those who wait for ever the grace, and no longer.
func TestStopCuts(t *testing.T) {
	t.Parallel()
	p := newProgram(t, "")
	p.must(onlyWorld, "apply", "-f", "-")
	config := filepath.Join(p.dir, "keyrack.yaml")
	if err := os.WriteFile(config, []byte("shutdown_grace: 0s"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := p.serve("--config", config)
	person := s.prompt(s.open(`{"must_confirm": true}`), newKey(t))
	s.term()
	if err := person.session.Wait(); err == nil || !strings.Contains(person.out.String(), "restarted") {
		t.Errorf("who was cut off ended with %v, and was told %q", err, person.out)
	}
	s.wantEnd("0")
}

// TestStopIdle stops a server that nobody uses, by Ctrl-C.
func TestStopIdle(t *testing.T) {
	t.Parallel()
	p := newProgram(t, "")
	s := p.serve()
	if err := s.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	s.wantEnd("0")
}
