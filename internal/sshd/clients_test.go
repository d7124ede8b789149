package sshd

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// otherCase is one row of docs/ssh-clients.md about a client that is not OpenSSH's.
type otherCase struct {
	name    string
	session func(*session)
	args    []string
	stdin   string

	code           int
	stdout, stderr string // parts
	recorded       string
	outcome        outcome
}

func (c otherCase) run(t *testing.T, run func(w *world, identifier string) result) {
	t.Helper()
	t.Run(c.name, func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		identifier := w.identifierOf(c.session)
		got := run(w, identifier)
		unix := strings.NewReplacer("\r\n", "\n") // some ask for a terminal unasked
		got.stdout, got.stderr = unix.Replace(got.stdout), unix.Replace(got.stderr)
		if got.code != c.code || !strings.Contains(got.stdout, c.stdout) || !strings.Contains(got.stderr, c.stderr) {
			t.Errorf("got %+v\nwant exit code %d, stdout with %q, stderr with %q", got, c.code, c.stdout, c.stderr)
		}
		if line := w.next(); line.Outcome != string(c.outcome) {
			t.Errorf("outcome = %s, want %s", line.Outcome, c.outcome)
		}
		if c.session != nil {
			w.wantRecorded(t, identifier, c.recorded)
		}
	})
}

// identifierOf gives the identifier of a new session; of none, for nil.
func (w *world) identifierOf(change func(*session)) string {
	if change == nil {
		return "nosuchsession2345678"
	}
	return w.add(change)
}

func TestPuTTY(t *testing.T) {
	t.Parallel()
	k := manyKeys(t, 1)[0]
	ppk := filepath.Join(t.TempDir(), "key.ppk")
	must(t, "puttygen", k, "-O", "private", "-o", ppk)
	pin := ssh.FingerprintSHA256(hostKeys()[0].PublicKey())
	list := "Recorded 1 key:\n  ssh-ed25519 " + fingerprint(t, k) + "\n"
	withKey := []string{"-i", ppk}
	for _, c := range []otherCase{
		{name: "single", session: single, args: withKey, stdout: list, stderr: "your SSH client offers", recorded: want(t, true, k), outcome: outcomeCollected},
		{name: "multi", session: multi, args: withKey, stdout: list, stderr: "Server refused our key", recorded: want(t, false, k), outcome: outcomeCollected},
		{name: "prove", session: prove, args: withKey, stdout: list, stderr: "Further authentication required", recorded: want(t, true, k), outcome: outcomeCollected},
		{name: "confirm yes", session: with(multi, confirm), args: withKey, stdin: "y", stdout: list, stderr: textPrompt, recorded: want(t, false, k), outcome: outcomeCollected},
		{name: "confirm no", session: with(multi, confirm), args: withKey, stdin: "n", code: 1, stderr: textDeclined, outcome: outcomeUnconfirmed},
		{name: "confirm end of input", session: with(single, confirm), args: withKey, code: 1, stderr: textDeclined, outcome: outcomeUnconfirmed},
		{name: "no key", session: single, code: 1, stderr: textNoKeys, outcome: outcomeNoKeys},
		{name: "no command, -N", session: single, args: append(withKey, "-N"), code: 1, stderr: "unexpectedly closed", recorded: want(t, true, k), outcome: outcomeCollected},
		{name: "unknown identifier", args: withKey, code: 1, stderr: "| " + strings.TrimSuffix(textUnknown, "\n"), outcome: outcomeUnknown},
	} {
		c.run(t, func(w *world, identifier string) result {
			args := append([]string{"-batch", "-ssh", "-noagent", "-hostkey", pin, "-P", w.port, "-l", identifier}, c.args...)
			return client(w.t, c.stdin, "plink", append(args, "127.0.0.1")...)
		})
	}
}

func TestDropbear(t *testing.T) {
	t.Parallel()
	first, second := dropbearKey(t, "ed25519"), dropbearKey(t, "rsa")
	both := []string{"-i", first, "-i", second}
	for _, c := range []otherCase{
		{name: "single", session: single, args: both, stdout: "Recorded 1 key", recorded: want(t, true, first), outcome: outcomeCollected},
		{name: "multi", session: multi, args: both, stdout: "Recorded 2 keys", recorded: want(t, false, first, second), outcome: outcomeCollected},
		{name: "prove", session: prove, args: both, stdout: "Recorded 2 keys", stderr: "partially succeeded", recorded: want(t, true, first, second), outcome: outcomeCollected},
		{name: "confirm yes", session: with(multi, confirm), args: both, stdin: "y", stdout: "Recorded 2 keys", stderr: textPrompt, recorded: want(t, false, first, second), outcome: outcomeCollected},
		{name: "confirm no", session: with(multi, confirm), args: both, stdin: "n", code: 1, stderr: textDeclined, outcome: outcomeUnconfirmed},
		{name: "confirm end of input", session: with(multi, confirm), args: both, code: 1, stderr: textDeclined, outcome: outcomeUnconfirmed},
		{name: "no key", session: single, code: 1, stderr: textNoKeys, outcome: outcomeNoKeys},
		{name: "no command, -N", session: single, args: append(both, "-N"), code: 1, stderr: "Remote closed the connection", recorded: want(t, true, first), outcome: outcomeCollected},
		{name: "unknown identifier", args: both, code: 1, stderr: textUnknown, outcome: outcomeUnknown},
	} {
		c.run(t, func(w *world, identifier string) result {
			// -T: without a terminal of its own it cannot make one raw. -y -y: take every host key.
			args := append([]string{"-T", "-y", "-y", "-p", w.port, "-l", identifier}, c.args...)
			return client(w.t, c.stdin, "dbclient", append(args, "127.0.0.1")...)
		})
	}
}

func dropbearKey(t *testing.T, kind string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	must(t, "dropbearkey", "-t", kind, "-f", path)
	out := must(t, "dropbearkey", "-y", "-f", path)
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "ssh-") {
			writeFile(t, path+".pub", line)
			return path
		}
	}
	t.Fatalf("dropbearkey -y printed no key: %s", out)
	return ""
}

// paramikoClient logs in as the manual shows it, and once more by hand as a
// program does that knows keyboard-interactive.
const paramikoClient = `
import sys, paramiko
port, user, how, keys = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]
try:
    if how == "simple":
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        client.connect("127.0.0.1", port, user, key_filename=keys, allow_agent=False, look_for_keys=False)
        transport = client.get_transport()
    else:
        transport = paramiko.Transport(("127.0.0.1", port))
        transport.start_client()
        transport.auth_interactive(user, lambda *_: [])
    channel = transport.open_session()
    channel.exec_command("x")
    channel.sendall(sys.stdin.read())
    channel.shutdown_write()
    sys.stdout.write(channel.makefile("r").read().decode())
    sys.stderr.write(channel.makefile_stderr("r").read().decode())
    code = channel.recv_exit_status()
    transport.close()
    sys.exit(code)
except paramiko.SSHException as failure:
    sys.stderr.write(repr(failure))
    sys.exit(255)
`

func TestParamiko(t *testing.T) {
	t.Parallel()
	k := manyKeys(t, 2)
	refused := "AuthenticationException('Authentication failed.')"
	for _, c := range []otherCase{
		{name: "single", session: single, args: []string{"simple", k[0], k[1]}, stdout: "Recorded 1 key", recorded: want(t, true, k[0]), outcome: outcomeCollected},
		{name: "confirm yes", session: with(single, confirm), args: []string{"simple", k[0]}, stdin: "y", stdout: "Recorded 1 key", recorded: want(t, true, k[0]), outcome: outcomeCollected},
		{name: "confirm no", session: with(single, confirm), args: []string{"simple", k[0]}, stdin: "n", code: 1, stderr: textDeclined, outcome: outcomeUnconfirmed},
		// It asks for the authentication service once more before each further
		// key, which golang.org/x/crypto/ssh takes for a protocol error.
		{name: "multi", session: multi, args: []string{"simple", k[0], k[1]}, code: 255, stderr: refused, recorded: want(t, false, k[0]), outcome: outcomeCollected},
		{name: "prove", session: prove, args: []string{"simple", k[0], k[1]}, code: 255, stderr: "SSHException", recorded: want(t, true, k[0]), outcome: outcomeCollected},
		{name: "no key", session: single, args: []string{"interactive"}, code: 1, stderr: textNoKeys, outcome: outcomeNoKeys},
		{name: "unknown identifier", args: []string{"simple", k[0]}, code: 255, stderr: refused, outcome: outcomeUnknown},
	} {
		c.run(t, func(w *world, identifier string) result {
			args := append([]string{"-c", paramikoClient, w.port, identifier}, c.args...)
			return client(w.t, c.stdin, "/usr/bin/python3", args...)
		})
	}
}
