package sshd

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/crypto/ssh"

	"keyrack/internal/core"
)

// verify is the session of all that follow: it wants keys, and takes one failure.
func verify(s *session) { s.Kind, s.MaxAttempts = core.VerifySession, 1 }

func matchAll(s *session) { s.MatchAllKeys = true }

// wanting opens a verify session that wants the keys of these files.
func (w *world) wanting(keys []string, changes ...func(*session)) string {
	w.t.Helper()
	identifier := w.add(append([]func(*session){verify}, changes...)...)
	of := w.session(identifier).ID
	err := shared.Update(context.Background(), func(tx core.Tx) error {
		for _, path := range keys {
			if _, err := tx.InsertWantedKey(core.WantedKey{UUID: uuid.Must(uuid.NewV7()), Session: of, Public: publicOf(w.t, path)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return identifier
}

// wantStatus checks where a session stands.
func (w *world) wantStatus(when, identifier string, status core.SessionStatus, attempts int) {
	w.t.Helper()
	if got := w.session(identifier); got.Status != status || got.Attempts != attempts {
		w.t.Errorf("%s: session is %s with %d attempts, want %s with %d", when, got.Status, got.Attempts, status, attempts)
	}
}

// verifyCase is one way to meet a verify session, or to miss it.
type verifyCase struct {
	name    string
	wanted  []string
	session func(*session)
	args    []string
	stdin   string

	code           int
	stdout, stderr string // parts
	recorded       string // as grades gives it
	outcome        outcome
	status         core.SessionStatus // and a failed attempt unless it is verified
	offered        int                // keys the server heard of; 0: not looked at
}

func (c verifyCase) run(t *testing.T, client func(w *world, identifier string) result) {
	w := newWorld(t, nil)
	change := c.session
	if change == nil {
		change = single
	}
	identifier := w.wanting(c.wanted, change)
	attempts := 1
	if c.status == core.SessionVerified {
		attempts = 0
	}
	got := client(w, identifier)
	if c.code <= 1 { // the client was told, so it is on record: nobody has to wait for the end of the connection
		w.wantStatus("when the client has ended", identifier, c.status, attempts)
	}
	unix := strings.NewReplacer("\r\n", "\n")
	if got.code != c.code || !strings.Contains(unix.Replace(got.stdout), c.stdout) || !strings.Contains(unix.Replace(got.stderr), c.stderr) {
		t.Errorf("got %+v\nwant exit code %d, stdout with %q, stderr with %q", got, c.code, c.stdout, c.stderr)
	}
	line := w.next()
	if line.Outcome != string(c.outcome) || c.offered != 0 && line.Offered != c.offered {
		t.Errorf("outcome = %s after %d keys, want %s after %d", line.Outcome, line.Offered, c.outcome, c.offered)
	}
	w.wantStatus("when the connection has ended", identifier, c.status, attempts)
	w.wantRecorded(t, identifier, c.recorded)
}

func TestVerifyOpenSSH(t *testing.T) {
	t.Parallel()
	k := manyKeys(t, 20)
	certified := certify(t)
	agentOf20 := []string{"-o", "IdentityAgent=" + agent(t, k...)}
	public := identities(publicHalf(t, k[0]))
	batch := []string{"-o", "BatchMode=yes"}
	onlyCertificates := []string{"-o", "PubkeyAcceptedAlgorithms=ssh-ed25519-cert-v01@openssh.com"}
	verified, failed := core.SessionVerified, core.SessionFailed
	cases := []verifyCase{
		{name: "the key", wanted: k[:1], args: identities(k[0]), stdout: fingerprint(t, k[0]), recorded: want(t, true, k[0]), outcome: outcomeVerified, status: verified},
		{name: "stops at the first wanted key", wanted: k[:2], args: identities(k[2], k[1], k[0]), recorded: want(t, true, k[1]), outcome: outcomeVerified, status: verified, offered: 2},
		{name: "agent with 20 keys", wanted: k[13:14], args: agentOf20, recorded: want(t, true, k[13]), outcome: outcomeVerified, status: verified, offered: 14},
		{name: "multi", wanted: k[:3], session: multi, args: identities(k[4], k[2], k[0]), recorded: want(t, true, k[2], k[0]), outcome: outcomeVerified, status: verified, offered: 3},
		{name: "multi, agent with 20 keys", wanted: []string{k[3], k[19], k[8]}, session: multi, args: agentOf20, recorded: want(t, true, k[3], k[8], k[19]), outcome: outcomeVerified, status: verified, offered: 20},
		{name: "match all", wanted: k[:2], session: matchAll, args: identities(k[1], k[2], k[0]), recorded: want(t, true, k[1], k[0]), outcome: outcomeVerified, status: verified},
		{name: "match all, one missing", wanted: k[:2], session: matchAll, args: identities(k[1], k[2]), code: 1, stderr: textNotAll, outcome: outcomeNoKeys, status: failed},
		{name: "match all, public half of one", wanted: k[:2], session: matchAll, args: append(public, "-i", k[1]), code: 1, stderr: textNotAll, outcome: outcomeNoKeys, status: failed},
		{name: "wrong key", wanted: k[:1], args: identities(k[1]), code: 1, stderr: textNotWanted, outcome: outcomeNoKeys, status: failed},
		{name: "no key", wanted: k[:1], args: identities("none"), code: 1, stderr: textNoKeys, outcome: outcomeNoKeys, status: failed},
		{name: "public half only", wanted: k[:1], args: public, code: 1, stderr: textWantedUnsigned, outcome: outcomeNoKeys, status: failed},
		{name: "public half only, multi", wanted: k[:1], session: multi, args: public, code: 1, stderr: textWantedUnsigned, outcome: outcomeNoKeys, status: failed},
		{name: "public half only, BatchMode", wanted: k[:1], args: append(batch, public...), code: 255, stderr: "Permission denied", outcome: outcomeNoKeys, status: failed},
		{name: "BatchMode", wanted: k[:1], args: append(batch, identities(k[1], k[0])...), recorded: want(t, true, k[0]), outcome: outcomeVerified, status: verified},
		{name: "BatchMode, wrong key", wanted: k[:1], args: append(batch, identities(k[1])...), code: 255, stderr: "Permission denied", outcome: outcomeNoKeys, status: failed},
		{name: "BatchMode, multi, some", wanted: k[:2], session: multi, args: append(batch, identities(k[0])...), code: 255, recorded: want(t, true, k[0]), outcome: outcomeVerified, status: verified},
		{name: "BatchMode, confirm", wanted: k[:2], session: with(multi, confirm), args: append(batch, identities(k[0])...), code: 255, outcome: outcomeUnconfirmed, status: failed},
		{name: "confirm yes", wanted: k[:1], session: confirm, args: identities(k[0]), stdin: "y", stderr: textPrompt, recorded: want(t, true, k[0]), outcome: outcomeVerified, status: verified},
		{name: "confirm no", wanted: k[:1], session: confirm, args: identities(k[0]), stdin: "n", code: 1, stderr: textDeclined, outcome: outcomeUnconfirmed, status: failed},
		{name: "confirm end of input", wanted: k[:1], session: confirm, args: identities(k[0]), code: 1, stderr: textDeclined, outcome: outcomeUnconfirmed, status: failed},
		{name: "confirm, wrong key", wanted: k[:1], session: confirm, args: identities(k[1]), stdin: "y", code: 1, stderr: textNotWanted, outcome: outcomeNoKeys, status: failed},
		{name: "certificate beside the key", wanted: []string{certified}, args: identities(certified), recorded: want(t, true, certified), outcome: outcomeVerified, status: verified},
		{name: "certificate alone", wanted: []string{certified}, args: append(onlyCertificates, identities(certified)...), recorded: want(t, true, certified), outcome: outcomeVerified, status: verified},
		{name: "no key is wanted", args: identities(k[0]), code: 1, outcome: outcomeNoKeys, status: failed},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, func(w *world, identifier string) result { return w.ssh(identifier, c.stdin, c.args...) })
		})
	}
}

func TestVerifyPuTTY(t *testing.T) {
	t.Parallel()
	k := manyKeys(t, 2)
	ppk := filepath.Join(t.TempDir(), "key.ppk")
	must(t, "puttygen", k[0], "-O", "private", "-o", ppk)
	pin := ssh.FingerprintSHA256(hostKeys()[0].PublicKey())
	cases := []verifyCase{
		{name: "the key", wanted: k[:1], stdout: fingerprint(t, k[0]), recorded: want(t, true, k[0]), outcome: outcomeVerified, status: core.SessionVerified},
		{name: "multi", wanted: k, session: multi, recorded: want(t, true, k[0]), outcome: outcomeVerified, status: core.SessionVerified},
		{name: "match all, one missing", wanted: k, session: matchAll, code: 1, stderr: textNotAll, outcome: outcomeNoKeys, status: core.SessionFailed},
		{name: "wrong key", wanted: k[1:], code: 1, stderr: textNotWanted, outcome: outcomeNoKeys, status: core.SessionFailed},
		{name: "confirm yes", wanted: k[:1], session: confirm, stdin: "y", stderr: textPrompt, recorded: want(t, true, k[0]), outcome: outcomeVerified, status: core.SessionVerified},
		{name: "confirm no", wanted: k[:1], session: confirm, stdin: "n", code: 1, stderr: textDeclined, outcome: outcomeUnconfirmed, status: core.SessionFailed},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, func(w *world, identifier string) result {
				return client(w.t, c.stdin, "plink", "-batch", "-ssh", "-noagent", "-hostkey", pin, "-P", w.port, "-l", identifier, "-i", ppk, "127.0.0.1")
			})
		})
	}
}

// The attempts of a session are used up one connection after the other; the
// right key comes too late then.
func TestVerifyAttemptsUsedUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	k := manyKeys(t, 2)
	identifier := w.wanting(k[:1], func(s *session) { s.MaxAttempts = 2 })
	for attempt, status := range []core.SessionStatus{core.SessionPending, core.SessionFailed} {
		if r := w.ssh(identifier, "", identities(k[1])...); r.code != 1 {
			t.Errorf("ssh with a wrong key: exit code %d, want 1", r.code)
		}
		w.wantStatus("after a wrong key", identifier, status, attempt+1)
	}
	if r := w.ssh(identifier, "", identities(k[0])...); r.code != 255 || !strings.Contains(r.stderr, textUnknown) {
		t.Errorf("ssh with the right key, too late: %+v, want exit code 255 and %q", r, textUnknown)
	}
	w.wantStatus("after the right key", identifier, core.SessionFailed, 2)
}
