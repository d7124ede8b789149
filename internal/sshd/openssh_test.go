package sshd

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keyrack/internal/core"
)

func single(*session)     {}
func multi(s *session)    { s.MultiKey = true }
func prove(s *session)    { s.MultiKey, s.prove = true, true }
func confirm(s *session)  { s.MustConfirm = true }
func reusable(s *session) { s.MultiConnection = true }

func with(changes ...func(*session)) func(*session) {
	return func(s *session) {
		for _, change := range changes {
			change(s)
		}
	}
}

func message(text string) func(*session) { return func(s *session) { s.Message = &text } }
func banner(text string) func(*session)  { return func(s *session) { s.Banner = &text } }

// agent runs ssh-agent with the given keys and gives its socket.
func agent(t testing.TB, keys ...string) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "a")
	cmd := exec.CommandContext(t.Context(), "ssh-agent", "-D", "-a", socket) // killed at the end of the test
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() })
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil { // it listens once it has said where
		t.Fatalf("ssh-agent did not start: %v", err)
	}
	r := clientEnv(t, []string{"SSH_AUTH_SOCK=" + socket}, "", "ssh-add", append([]string{"-q"}, keys...)...)
	if r.code != 0 {
		t.Fatalf("ssh-add: %s", r.stderr)
	}
	return socket
}

func identities(paths ...string) []string {
	args := []string{"-o", "IdentitiesOnly=yes"}
	for _, p := range paths {
		args = append(args, "-i", p)
	}
	return args
}

// openSSHCase is one row of docs/ssh-clients.md.
type openSSHCase struct {
	name    string
	session func(*session)
	args    []string
	command []string // after the host
	stdin   string

	code           int
	stdout, stderr string // parts of what the user sees; with == in front, all of it
	recorded       string // as grades gives it; empty: nothing was recorded
	outcome        outcome
}

func TestOpenSSH(t *testing.T) {
	t.Parallel()
	k := manyKeys(t, 20)
	twenty := []string{"-o", "IdentityAgent=" + agent(t, k...)}
	certified := certify(t)
	public := publicHalf(t, k[0])
	unsigned := "did not sign with it"
	cases := []openSSHCase{
		{
			name: "one key", session: single, args: identities(k[0]),
			stdout: "==Recorded 1 key:\n  ssh-ed25519 " + fingerprint(t, k[0]) + "\n", stderr: DefaultNotice,
			recorded: want(t, true, k[0]), outcome: outcomeCollected,
		},
		{
			name: "first of several keys", session: single, args: identities(k[0], k[1]),
			stdout: "Recorded 1 key", recorded: want(t, true, k[0]), outcome: outcomeCollected,
		},
		{
			name: "all keys, offered", session: multi, args: identities(k[0], k[1], k[2]),
			stdout: "Recorded 3 keys", recorded: want(t, false, k[:3]...), outcome: outcomeCollected,
		},
		{
			name: "all keys, proven", session: prove, args: identities(k[0], k[1], k[2]),
			stdout: "Recorded 3 keys", recorded: want(t, true, k[:3]...), outcome: outcomeCollected,
		},
		{
			name: "agent with 20 keys", session: single, args: twenty,
			recorded: want(t, true, k[0]), stdout: "Recorded 1 key", outcome: outcomeCollected,
		},
		{
			name: "agent with 20 keys, offered", session: multi, args: twenty,
			recorded: want(t, false, k...), stdout: "Recorded 20 keys", outcome: outcomeCollected,
		},
		{
			name: "agent with 20 keys, proven", session: prove, args: twenty,
			recorded: want(t, true, k...), stdout: "Recorded 20 keys", outcome: outcomeCollected,
		},
		{
			name: "agent with 20 keys, IdentitiesOnly", session: multi, args: append(identities(k[7], k[3]), twenty...),
			recorded: want(t, false, k[3], k[7]), stdout: "Recorded 2 keys", outcome: outcomeCollected,
		},
		{
			name: "certificate beside its key", session: multi, args: identities(certified),
			recorded: want(t, false, certified), stdout: "Recorded 1 key", outcome: outcomeCollected,
		},
		{
			name: "certificate beside its key, proven", session: prove, args: identities(certified),
			recorded: want(t, true, certified), stdout: "Recorded 1 key", outcome: outcomeCollected,
		},
		{
			name: "BatchMode", session: single, args: append(identities(k[0]), "-o", "BatchMode=yes"),
			recorded: want(t, true, k[0]), stdout: "Recorded 1 key", outcome: outcomeCollected,
		},
		{
			name: "BatchMode, offered", session: multi, args: append(identities(k[0], k[1]), "-o", "BatchMode=yes"),
			code: 255, stderr: "Permission denied (publickey,keyboard-interactive).", stdout: "==",
			recorded: want(t, false, k[:2]...), outcome: outcomeCollected,
		},
		{
			name: "BatchMode, proven", session: prove, args: append(identities(k[0], k[1]), "-o", "BatchMode=yes"),
			code: 255, stderr: "Permission denied (publickey,keyboard-interactive).", stdout: "==",
			recorded: want(t, true, k[:2]...), outcome: outcomeCollected,
		},
		{
			name: "keyboard-interactive switched off, offered", session: multi,
			args: append(identities(k[0]), "-o", "KbdInteractiveAuthentication=no"),
			code: 255, stderr: "Permission denied", recorded: want(t, false, k[0]), outcome: outcomeCollected,
		},
		{
			name: "no command, -N", session: single, args: append(identities(k[0]), "-N"),
			code: 255, stdout: "==", stderr: "closed by remote host", recorded: want(t, true, k[0]), outcome: outcomeCollected,
		},
		{
			name: "exec", session: single, args: identities(k[0]), command: []string{"uptime"},
			stdout: "Recorded 1 key", recorded: want(t, true, k[0]), outcome: outcomeCollected,
		},
		{
			name: "subsystem", session: single, args: append(identities(k[0]), "-s"), command: []string{"sftp"},
			code: 255, stderr: "subsystem request failed on channel 0", recorded: want(t, true, k[0]), outcome: outcomeCollected,
		},
		{
			name: "forwardings, agent, environment", session: single,
			args:   append(identities(k[0]), "-A", "-R", "127.0.0.1:0:127.0.0.1:9", "-o", "SendEnv=*", "-o", "SetEnv=A=b"),
			stdout: "Recorded 1 key", recorded: want(t, true, k[0]), outcome: outcomeCollected,
		},
		{
			name: "terminal", session: with(single, message("Thank you.\nBye.\n")), args: append(identities(k[0]), "-tt"),
			stdout: "==Thank you.\r\nBye.\r\n", recorded: want(t, true, k[0]), outcome: outcomeCollected,
		},
		{
			name: "input that nobody reads", session: single, args: identities(k[0]), stdin: strings.Repeat("x", 3<<20),
			stdout: "Recorded 1 key", recorded: want(t, true, k[0]), outcome: outcomeCollected,
		},
		{
			name: "no keys at all", session: single, args: identities("none"),
			code: 1, stdout: "==", stderr: textNoKeys, outcome: outcomeNoKeys,
		},
		{
			name: "no keys at all, offered", session: multi, args: identities("none"),
			code: 1, stdout: "==", stderr: textNoKeys, outcome: outcomeNoKeys,
		},
		{
			name: "no keys at all, confirm", session: with(multi, confirm), args: identities("none"), stdin: "y",
			code: 1, stdout: "==", stderr: textNoKeys, outcome: outcomeNoKeys,
		},
		{
			name: "public half only", session: single, args: identities(public),
			code: 1, stdout: "==", stderr: unsigned, outcome: outcomeNoKeys,
		},
		{
			name: "public half only, offered", session: multi, args: identities(public),
			stdout: "Recorded 1 key", recorded: want(t, false, k[0]), outcome: outcomeCollected,
		},
		{
			name: "public half only, proven", session: prove, args: identities(public),
			code: 1, stdout: "==", stderr: unsigned, outcome: outcomeNoKeys,
		},
		{
			name: "public half beside a key, proven", session: prove, args: identities(public, k[1]),
			stdout:   "Recorded 2 keys:\n  ssh-ed25519 " + fingerprint(t, k[0]) + " (not signed)\n  ssh-ed25519 " + fingerprint(t, k[1]) + "\n",
			recorded: want(t, false, k[0]) + want(t, true, k[1]), outcome: outcomeCollected,
		},
		{
			name: "public half only, BatchMode", session: single, args: append(identities(public), "-o", "BatchMode=yes"),
			code: 255, stderr: "Permission denied", outcome: outcomeNoKeys,
		},
		{
			name: "confirm yes", session: with(multi, confirm), args: identities(k[0]), stdin: "y",
			stdout:   "==Recorded 1 key:\n  ssh-ed25519 " + fingerprint(t, k[0]) + "\n",
			stderr:   "Your client showed 1 key:\n  ssh-ed25519 " + fingerprint(t, k[0]) + "\n" + textPrompt + "\n",
			recorded: want(t, false, k[0]), outcome: outcomeCollected,
		},
		{
			name: "confirm yes, capital, with a terminal", session: with(single, confirm), args: append(identities(k[0]), "-tt"), stdin: "Y",
			stdout: "Recorded 1 key:\r\n", recorded: want(t, true, k[0]), outcome: outcomeCollected,
		},
		{
			name: "confirm no", session: with(multi, confirm), args: identities(k[0]), stdin: "n",
			code: 1, stdout: "==", stderr: textPrompt + "\n" + textDeclined, outcome: outcomeUnconfirmed,
		},
		{
			name: "confirm Ctrl-C in a raw terminal", session: with(multi, confirm), args: append(identities(k[0]), "-tt"), stdin: "\x03",
			code: 1, outcome: outcomeUnconfirmed,
		},
		{
			name: "confirm end of input", session: with(multi, confirm), args: identities(k[0]),
			code: 1, stdout: "==", stderr: textDeclined, outcome: outcomeUnconfirmed,
		},
		{
			name: "confirm, BatchMode", session: with(multi, confirm), args: append(identities(k[0]), "-o", "BatchMode=yes"),
			code: 255, stderr: "Permission denied", outcome: outcomeUnconfirmed,
		},
		{
			name: "confirm, -N", session: with(single, confirm), args: append(identities(k[0]), "-N"),
			code: 255, stderr: "closed by remote host", outcome: outcomeUnconfirmed,
		},
		{
			name: "own banner and message", session: with(single, banner("Acme registration"), message("Thanks.")),
			args: identities(k[0]), stdout: "==Thanks.\n", stderr: "Acme registration\n", recorded: want(t, true, k[0]), outcome: outcomeCollected,
		},
		{
			name: "quiet hides the banner", session: single, args: append(identities(k[0]), "-q"),
			stdout: "Recorded 1 key", stderr: "==", recorded: want(t, true, k[0]), outcome: outcomeCollected,
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t)
		})
	}
}

func (c openSSHCase) run(t *testing.T) {
	w := newWorld(t, nil)
	identifier := w.add(c.session)
	got := client(t, c.stdin, "ssh", append(w.sshArgs(identifier, c.args...), c.command...)...)
	if got.code != c.code {
		t.Errorf("exit code = %d, want %d; stderr %q", got.code, c.code, got.stderr)
	}
	c.check(t, "stdout", got.stdout, c.stdout)
	c.check(t, "stderr", got.stderr, c.stderr)
	if line := w.next(); line.Outcome != string(c.outcome) {
		t.Errorf("outcome = %s, want %s", line.Outcome, c.outcome)
	}
	w.wantRecorded(t, identifier, c.recorded)
}

func (c openSSHCase) check(t *testing.T, name, got, want string) {
	t.Helper()
	if all, exact := strings.CutPrefix(want, "=="); exact && got != all {
		t.Errorf("%s = %q, want %q", name, got, all)
	} else if !exact && !strings.Contains(got, want) {
		t.Errorf("%s = %q, want it to contain %q", name, got, want)
	}
}

// wantRecorded compares what one connection left; empty means nothing.
func (w *world) wantRecorded(t *testing.T, identifier, want string) {
	t.Helper()
	var got strings.Builder
	connections := w.recorded(identifier)
	for _, keys := range connections {
		got.WriteString(grades(keys))
	}
	if got.String() != want || len(connections) > 1 {
		t.Errorf("recorded in %d connections:\n%swant:\n%s", len(connections), got.String(), want)
	}
}

func fingerprint(t testing.TB, path string) string { return publicOf(t, path).SHA256().String() }

// publicHalf gives the path of a file that has no private half beside it.
func publicHalf(t testing.TB, private string) string {
	t.Helper()
	text, err := os.ReadFile(private + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "somebody.pub")
	writeFile(t, path, string(text))
	return path
}

// certify makes a key with a certificate beside it.
func certify(t testing.TB) string {
	t.Helper()
	key := keygen(t, "-t", "ed25519")
	authority := keygen(t, "-t", "ed25519")
	must(t, "ssh-keygen", "-q", "-s", authority, "-I", "ada", "-n", "ada", key+".pub")
	return key
}

// The rest of the matrix needs a look at what happens between two programs.

func TestConfirmNeedsNoEnter(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	identifier, key := w.add(with(single, confirm)), manyKeys(t, 1)[0]
	cmd, in, _ := w.prompted(t, identifier, append(identities(key), "-tt")...)
	w.wantRecorded(t, identifier, "")                  // not before the user agrees
	if _, err := io.WriteString(in, "y"); err != nil { // stdin stays open
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("ssh: %v", err)
	}
	w.wantRecorded(t, identifier, want(t, true, key))
}

// prompted starts ssh on a session that asks for a confirmation, and returns
// when the user sees the prompt.
func (w *world) prompted(t *testing.T, identifier string, args ...string) (*exec.Cmd, io.Writer, *watcher) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ssh", w.sshArgs(identifier, args...)...)
	in, err := cmd.StdinPipe()
	check(t, err)
	stderr := &watcher{until: "cancel: ", found: make(chan struct{})}
	cmd.Stderr = stderr
	check(t, cmd.Start())
	select {
	case <-stderr.found:
	case <-time.After(time.Minute):
		t.Fatal("no prompt within a minute")
	}
	return cmd, in, stderr
}

// watcher tells when a text has been written to it.
type watcher struct {
	until string
	found chan struct{}
	got   string
}

func (w *watcher) Write(p []byte) (int, error) {
	before := strings.Contains(w.got, w.until)
	w.got += string(p)
	if !before && strings.Contains(w.got, w.until) {
		close(w.found)
	}
	return len(p), nil
}

func TestSecondConnectionIsTooLate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	identifier := w.add(with(multi, confirm))
	k := manyKeys(t, 2)
	slow, in, stderr := w.prompted(t, identifier, identities(k[0])...)
	if quick := w.ssh(identifier, "y", identities(k[1])...); quick.code != 0 {
		t.Errorf("first to confirm: exit code = %d, want 0", quick.code)
	}
	_, _ = io.WriteString(in, "y")
	_ = slow.Wait()
	if code := slow.ProcessState.ExitCode(); code != 1 || !strings.Contains(stderr.got, textTooLate) {
		t.Errorf("second to confirm: exit code = %d, stderr %q; want 1 and %q", code, stderr.got, textTooLate)
	}
	w.wantRecorded(t, identifier, want(t, false, k[1]))
}

func TestTurnedAwayBeforeAnyKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	finished := w.add(single)
	if r := w.ssh(finished, "", identities(manyKeys(t, 1)[0])...); r.code != 0 {
		t.Fatalf("ssh: %v", r)
	}
	w.next()
	var seen []string
	for _, identifier := range []string{core.NewIdentifier(), finished, "root", strings.Repeat("x", 300)} {
		r := w.ssh(identifier, "", append(identities(manyKeys(t, 1)[0]), "-v")...)
		line := w.next()
		if r.code != 255 || !strings.Contains(r.stderr, textUnknown) || strings.Contains(r.stderr, "Offering public key") {
			t.Errorf("ssh %q: exit code %d, stderr %q; want 255, %q, and no key offered", identifier, r.code, r.stderr, textUnknown)
		}
		seen = append(seen, fmt.Sprint(line.Outcome, line.Offered, line.SessionID, line.Err))
	}
	for i := range seen {
		if seen[i] != "unknown0" {
			t.Errorf("log of refusal %d = %q, want unknown0", i, seen[i])
		}
	}
}

func TestStoreUnavailable(t *testing.T) {
	t.Parallel()
	k := manyKeys(t, 1)[0]
	t.Run("at connect", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(o *Options) {
			o.Sessions = &faulty{Sessions: o.Sessions, connect: core.Errorf(core.Unavailable, "disk full")}
		})
		r := w.ssh(w.add(single), "", identities(k)...)
		if line := w.next(); r.code != 255 || !strings.Contains(r.stderr, textLater) || line.Level != "WARN" {
			t.Errorf("ssh: %+v, log %+v; want 255, %q and a warning", r, line, textLater)
		}
	})
	t.Run("at finish", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(o *Options) { // no core.Error: somebody must look
			o.Sessions = &faulty{Sessions: o.Sessions, finish: io.ErrUnexpectedEOF}
		})
		r := w.ssh(w.add(single), "", identities(k)...)
		if line := w.next(); r.code != 1 || !strings.Contains(r.stderr, textUnrecorded) || line.Level != "ERROR" {
			t.Errorf("ssh: %+v, log %+v; want 1, %q and an error", r, line, textUnrecorded)
		}
		if strings.Contains(r.stderr, "EOF") {
			t.Errorf("the client is shown an inner error: %q", r.stderr)
		}
	})
}

// The library hears 128 authentication requests. Past the limits the client is
// let in nevertheless and told.
func TestKeyLimits(t *testing.T) {
	t.Parallel()
	k := manyKeys(t, 150)
	for _, c := range []struct {
		name     string
		session  func(*session)
		keys     int
		recorded int
		proven   int
		told     bool
	}{
		{"125 offered", multi, 125, 125, 0, false},
		{"126 offered", multi, 126, 126, 1, true}, // the last one had to sign
		{"150 offered", multi, 150, 126, 1, true},
		{"42 proven", prove, 42, 42, 42, false},
		{"43 proven", prove, 43, 43, 43, false}, // one had to sign twice
		{"62 proven", prove, 62, 62, 62, false},
		{"63 proven", prove, 63, 63, 63, true},
		{"150 proven", prove, 150, 63, 63, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			identifier := w.add(with(c.session, reusable))
			socket := agent(t, k[:c.keys]...)
			r := w.ssh(identifier, "", "-o", "IdentityAgent="+socket, "-o", "IdentityFile=none")
			if r.code != 0 {
				t.Errorf("exit code = %d, want 0; stderr %q", r.code, r.stderr)
			}
			if told := strings.Contains(r.stdout, "connect again with"); told != c.told {
				t.Errorf("told of the limit: %v, want %v; stdout ends %q", told, c.told, r.stdout[max(0, len(r.stdout)-200):])
			}
			connections := w.recorded(identifier)
			if len(connections) != 1 || len(connections[0]) != c.recorded {
				t.Fatalf("recorded %d connections, keys %d; want 1 with %d", len(connections), len(connections[0]), c.recorded)
			}
			if proven := countProven(connections[0]); proven != c.proven {
				t.Errorf("%d keys proven, want %d", proven, c.proven)
			}
		})
	}
}

func countProven(keys []core.CollectedKey) int {
	n := 0
	for _, k := range keys {
		if k.Proven {
			n++
		}
	}
	return n
}
