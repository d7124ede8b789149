package sshd

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

func TestStopRefusesTheNewAndLetsTheRunningFinish(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.StopGrace = time.Minute })
	identifier := w.add(with(single, confirm))
	cmd, in, _ := w.prompted(t, identifier, identities(manyKeys(t, 1)[0])...)
	silent := dialFrom(t, "127.0.0.1", w.addr)
	if _, err := io.ReadFull(silent, make([]byte, len(serverVersion))); err != nil {
		t.Fatal(err)
	}

	w.stop()
	if rest := readAll(silent); rest != "\r\n" {
		t.Errorf("a client without a session got %q, want the end", rest)
	}
	if nc, err := net.Dial("tcp", w.addr); err == nil {
		_ = nc.Close()
		t.Error("a new connection is accepted after the stop")
	}
	if _, err := io.WriteString(in, "y"); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("ssh that was running at the stop: %v", err)
	}
	<-w.ended
	w.wantRecorded(t, identifier, want(t, true, manyKeys(t, 1)[0]))
}

func TestStopCutsAfterTheGraceAndSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.StopGrace = time.Millisecond })
	confirming, offering := w.add(with(single, confirm)), w.add(multi)
	cmd, _, stderr := w.prompted(t, confirming, identities(manyKeys(t, 1)[0])...)
	c := w.raw(t, offering)
	c.none(t)
	c.ask(t, msgAuthFailure, "publickey", offerBody(ssh.KeyAlgoED25519, freshKey().PublicKey().Marshal()))

	w.stop()
	c.gone(t)
	if !strings.HasSuffix(c.banner, textStopping) {
		t.Errorf("a client in login was shown %q, want %q", c.banner, textStopping)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(stderr.got, textStopping) {
		t.Errorf("ssh at the prompt: exit code %d, stderr %q; want 1 and %q", code, stderr.got, textStopping)
	}
	<-w.ended
	for _, identifier := range []string{confirming, offering} { // they were told to come again
		w.wantRecorded(t, identifier, "")
	}
	for range 2 {
		if line := w.next(); line.Outcome != string(outcomeStopped) {
			t.Errorf("outcome = %s, want stopped", line.Outcome)
		}
	}
}

// Whose keys are recorded already must not be told to come again.
func TestStopTellsWhatIsDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.StopGrace = time.Millisecond })
	c, key := w.raw(t, w.add(single)), freshKey()
	c.none(t)
	if got, _, err := c.sign(c.sessionID, ssh.KeyAlgoED25519, key.PublicKey().Marshal(), signWith(key)); got != msgAuthSuccess {
		t.Fatalf("sign: %d, %v", got, err)
	}
	c.openSession(t)
	w.stop()
	if data, err := c.expect(msgChannelData); !strings.Contains(string(data), "Recorded 1 key") {
		t.Errorf("told %q, %v; want what was recorded", data, err)
	}
}

func TestConfirmationThatNeverComes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.ConfirmGrace = 100 * time.Millisecond })
	identifier := w.add(with(single, confirm))
	cmd, _, stderr := w.prompted(t, identifier, identities(manyKeys(t, 1)[0])...)
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(stderr.got, textNoAnswer) {
		t.Errorf("exit code %d, stderr %q; want 1 and %q", code, stderr.got, textNoAnswer)
	}
	w.wantRecorded(t, identifier, "")
}

func TestLoginGrace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.IdentifyGrace, o.LoginGrace = time.Hour, 200*time.Millisecond })
	offered, confirmed := w.add(multi), w.add(with(multi, confirm))
	for _, identifier := range []string{offered, confirmed} {
		c := w.raw(t, identifier)
		c.none(t)
		c.ask(t, msgAuthFailure, "publickey", offerBody(ssh.KeyAlgoED25519, freshKey().PublicKey().Marshal()))
		c.gone(t)
		w.next()
	}
	if n := len(w.recorded(offered)); n != 1 {
		t.Errorf("%d connections recorded keys, want 1: they were offered", n)
	}
	w.wantRecorded(t, confirmed, "")
}
