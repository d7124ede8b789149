package sshd

import (
	"bufio"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"
)

// A source that was quiet may make a minute's worth at once, and then as many
// a minute; each source for itself.
func TestPaces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPaces(6)
		one, other := sourceOf(netip.MustParseAddr("192.0.2.1")), sourceOf(netip.MustParseAddr("192.0.2.2"))
		passed := func(n int) (passed int) {
			for range n {
				if p.allows(one) {
					passed++
				}
			}
			return passed
		}
		for _, tt := range []struct {
			after time.Duration
			want  int
		}{{0, 6}, {0, 0}, {9 * time.Second, 0}, {time.Second, 1}, {time.Minute, 6}, {time.Hour, 6}} {
			time.Sleep(tt.after)
			if n := passed(10); n != tt.want {
				t.Errorf("%v later %d of 10 connections pass, want %d", tt.after, n, tt.want)
			}
		}
		if !p.allows(other) {
			t.Error("another source is refused")
		}
	})
}

// Whoever connects again and again is turned away before SSH begins, and counted.
func TestConnectionsAMinute(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.PerMinute = 2 })
	for i, want := range []string{serverVersion + "\r\n", serverVersion + "\r\n", textBusy, textBusy} {
		nc := dialFrom(t, "127.0.0.2", w.addr)
		if line, err := bufio.NewReader(nc).ReadString('\n'); line != want {
			t.Errorf("connection %d is greeted with %q, %v; want %q", i+1, line, err, want)
		}
		_ = nc.Close()
	}
	w.honest(t)
	if n := w.count(outcomeTooOften); n != 2 {
		t.Errorf("%d connections counted as too often, want 2", n)
	}
}

// login logs in with OpenSSH from a given loopback address.
func (w *world) login(t *testing.T, from string) {
	t.Helper()
	if r := w.ssh(w.add(single), "", append(identities(manyKeys(t, 1)[0]), "-b", from)...); r.code != 0 {
		t.Errorf("a login from %s ended with exit code %d: %s", from, r.code, r.stderr)
	}
}

// A hundred key scans, as monitoring and configuration management make them,
// lock nobody out.
func TestKeyScans(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for range 100 {
		if r := client(t, "", "ssh-keyscan", "-p", w.port, "127.0.0.1"); r.code != 0 || !strings.Contains(r.stdout, "ssh-ed25519 ") {
			t.Fatalf("ssh-keyscan: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
		}
	}
	w.login(t, "127.0.0.1")
	if n := w.count(outcomeRefused) + w.count(outcomeTooOften); n != 0 {
		t.Errorf("%d connections were refused, want none", n)
	}
}

// Two hundred clients of one source that say nothing hold its places, and none
// of anybody else's; once they are cut, the source has its places again.
func TestGraceExpiries(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.IdentifyGrace = 10 * time.Second })
	var silent []net.Conn
	held := 0
	for range 200 {
		nc := dialFrom(t, "127.0.0.2", w.addr)
		switch line, err := bufio.NewReaderSize(nc, 32).ReadString('\n'); line {
		case serverVersion + "\r\n":
			held++
			silent = append(silent, nc)
		case textBusy:
		default:
			t.Errorf("greeted with %q, %v", line, err)
		}
	}
	if held != 20 {
		t.Errorf("%d connections of one source are held, want 20", held)
	}
	w.login(t, "127.0.0.3")
	for _, nc := range silent {
		if _, err := io.Copy(io.Discard, nc); !hungUp(err) {
			t.Errorf("not cut: %v", err)
		}
	}
	w.login(t, "127.0.0.2")
}

// Who compares fingerprints takes longer than a client that says nothing is
// given, and is let in.
func TestHostKeyIsThoughtOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.IdentifyGrace = time.Second })
	text, err := os.ReadFile(manyKeys(t, 1)[0])
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.ParsePrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	silent := func() {
		if _, err := io.Copy(io.Discard, dialFrom(t, "127.0.0.2", w.addr)); !hungUp(err) {
			t.Errorf("a silent client is not cut: %v", err)
		}
	}
	client, err := ssh.Dial("tcp", w.addr, &ssh.ClientConfig{
		User: w.add(single), Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback: func(string, net.Addr, ssh.PublicKey) error {
			silent() // as long as another one is given, from now
			return nil
		},
	})
	if err != nil {
		t.Fatalf("a client whose user thought over the host key: %v", err)
	}
	_ = client.Close()
}

// Who has taken the host key is to name a session soon: that gives nobody more
// time to say nothing.
func TestSilenceAfterTheHostKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.IdentifyGrace, o.LoginGrace = time.Second, time.Hour })
	c, err := dialRaw(w.addr, "SSH-2.0-silent")
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if err := c.exchangeKeys(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, c.nc); !hungUp(err) {
		t.Errorf("not cut: %v", err)
	}
	if line := w.next(); line.Outcome != string(outcomeNoLogin) {
		t.Errorf("outcome = %s, want no_login", line.Outcome)
	}
}

// What is exempt is counted in all alone.
func TestExempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) {
		o.PerSource, o.PerMinute, o.MaxConnections = 1, 2, 50
		o.Exempt = []netip.Prefix{netip.MustParsePrefix("127.0.1.0/24")}
	})
	held := func(from string, n int) (held int) {
		for range n {
			if line, _ := bufio.NewReader(dialFrom(t, from, w.addr)).ReadString('\n'); line == serverVersion+"\r\n" {
				held++
			}
		}
		return held
	}
	for _, tt := range []struct {
		from    string
		n, want int
	}{{"127.0.1.9", 10, 10}, {"127.0.2.9", 10, 1}, {"127.0.1.9", 20, 20}, {"127.0.1.10", 30, 50 - 31}} {
		if got := held(tt.from, tt.n); got != tt.want {
			t.Errorf("%d of %d connections from %s are held, want %d", got, tt.n, tt.from, tt.want)
		}
	}
}
