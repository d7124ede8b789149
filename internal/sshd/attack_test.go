package sshd

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"

	"keyrack/internal/core"
)

// honest logs in with OpenSSH, which must work whatever goes on.
func (w *world) honest(t *testing.T) {
	t.Helper()
	identifier := w.add(single)
	if r := w.ssh(identifier, "", identities(manyKeys(t, 1)[0])...); r.code != 0 {
		t.Errorf("an honest login ended with exit code %d: %s", r.code, r.stderr)
	}
	w.wantRecorded(t, identifier, want(t, true, manyKeys(t, 1)[0]))
}

// count gives how many connections ended so.
func (w *world) count(o outcome) int {
	return int(testutil.ToFloat64(w.server.metrics.connections.WithLabelValues(string(o))))
}

// dialFrom connects from a given loopback address.
func dialFrom(t *testing.T, from, to string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	nc, err := d.DialContext(t.Context(), "tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return nc
}

func TestSilentConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) {
		o.MaxConnections, o.PerSource, o.PerMinute, o.IdentifyGrace = 600, 600, 1e6, 10*time.Second
	})
	var silent []net.Conn
	for range 500 {
		nc := dialFrom(t, "127.0.0.1", w.addr)
		if line, err := bufio.NewReaderSize(nc, 32).ReadString('\n'); line != serverVersion+"\r\n" {
			t.Fatalf("greeted with %q, %v", line, err)
		}
		silent = append(silent, nc)
	}
	w.honest(t)
	for i, nc := range silent {
		if n, err := io.Copy(io.Discard, nc); !hungUp(err) {
			t.Fatalf("silent connection %d is not cut: %d bytes, %v", i, n, err)
		}
	}
}

func TestConnectionsOfOneSource(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	held := 0
	for range 60 {
		nc := dialFrom(t, "127.0.0.2", w.addr)
		switch line, err := bufio.NewReader(nc).ReadString('\n'); line {
		case serverVersion + "\r\n":
			held++
		case textBusy:
		default:
			t.Errorf("greeted with %q, %v", line, err)
		}
	}
	if held != 20 {
		t.Errorf("%d connections of one source are held, want 20", held)
	}
	w.honest(t)
	if n := w.count(outcomeRefused); n != 40 {
		t.Errorf("%d connections counted as refused, want 40", n)
	}
	if n := strings.Count(w.log.text(), `"refused"`); n != 1 {
		t.Errorf("%d lines tell of the refusals, want 1 a minute and source", n)
	}
}

func TestConnectionsInAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.MaxConnections = 2 })
	for _, from := range []string{"127.0.0.2", "127.0.0.3"} {
		if line, _ := bufio.NewReader(dialFrom(t, from, w.addr)).ReadString('\n'); line == "" {
			t.Fatalf("no greeting for %s", from)
		}
	}
	third := dialFrom(t, "127.0.0.4", w.addr)
	if text := readAll(third); text != "" {
		t.Errorf("the connection that is one too many got %q, want the end", text)
	}
	if line := w.next(); line.Outcome != string(outcomeRefused) {
		t.Errorf("outcome = %s, want refused", line.Outcome)
	}
}

// What is not SSH is cut at once, not after the grace.
func TestNotSSH(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.IdentifyGrace = time.Hour })
	attacks := map[string]string{
		"HTTP":                 "GET / HTTP/1.1\r\nHost: keys.example.org\r\n\r\n",
		"TLS":                  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"PROXY header":         "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nSSH-2.0-x\r\n",
		"lines before":         strings.Repeat("hello\r\n", 1000) + "SSH-2.0-x\r\n",
		"NUL":                  "\x00",
		"version line, 64 KiB": "SSH-2.0-" + strings.Repeat("A", 64<<10),
		"empty lines":          strings.Repeat("\r\n", 5000),
		"half of it":           "SSX",
	}
	for name, text := range attacks {
		nc := dialFrom(t, "127.0.0.1", w.addr)
		_, _ = io.WriteString(nc, text)
		got, err := io.ReadAll(nc)
		if greeting := serverVersion + "\r\n"; string(got) != greeting || !hungUp(err) {
			t.Errorf("%s: got %q, %v; want %q and the end", name, got, err, greeting)
		}
	}
	w.stop()
	<-w.ended
	if n := w.count(outcomeNoLogin); n != len(attacks) {
		t.Errorf("%d connections counted, want %d", n, len(attacks))
	}
	if n := strings.Count(w.log.text(), "ssh connection"); n != 1 {
		t.Errorf("%d lines in the log, want 1 a minute:\n%s", n, w.log.text())
	}
}

// Every byte keeps a naive server waiting for the next one.
func TestDrippingBytes(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(*rawClient) error{
		"in the key exchange":      func(*rawClient) error { return nil },
		"after the keys":           (*rawClient).exchangeKeys,
		"before the user is named": (*rawClient).handshake,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(o *Options) { o.IdentifyGrace = 2 * time.Second })
			c, err := dialRaw(w.addr, "SSH-2.0-drip")
			if err != nil {
				t.Fatal(err)
			}
			defer c.close()
			if err := before(c); err != nil {
				t.Fatal(err)
			}
			drip(t, c.nc)
			if line := w.next(); line.Outcome != string(outcomeNoLogin) {
				t.Errorf("outcome = %s, want no_login", line.Outcome)
			}
		})
	}
}

// drip writes zero bytes, ten a second, until the server hangs up.
func drip(t *testing.T, nc net.Conn) {
	t.Helper()
	cut := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, nc)
		cut <- err
	}()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-cut:
			if !hungUp(err) {
				t.Errorf("the server has not hung up: %v", err)
			}
			return
		case <-tick.C:
			_, _ = nc.Write([]byte{0}) // fails once it is cut, which the reader tells
		}
	}
}

// The library hands packets over through a channel of 16 and forgets its
// reader when nobody reads any more. See drain and wire.
func TestPipelinedPacketsLeakNothing(t *testing.T) {
	w := newWorld(t, nil)
	identifier := w.add(with(multi, reusable))
	wrongService := ssh.Marshal(authRequest{User: identifier, Service: "other", Method: "none"})
	attacks := map[string]func(c *rawClient) [][]byte{
		"before login": func(c *rawClient) [][]byte {
			check(t, c.exchangeKeys())
			return [][]byte{{msgServiceRequest, 0, 0, 0, 1, 'x'}}
		},
		"in login": func(c *rawClient) [][]byte {
			check(t, c.handshake())
			return [][]byte{wrongService}
		},
		"after login": func(c *rawClient) [][]byte {
			check(t, c.handshake())
			c.user = identifier
			c.none(t)
			c.land(t)
			return [][]byte{{msgChannelData, 0, 0, 0, 9, 0, 0, 0, 0}} // data for a channel that is not open
		},
	}
	before := goleak.IgnoreCurrent()
	for name, prepare := range attacks {
		c, err := dialRaw(w.addr, "SSH-2.0-raw")
		check(t, err)
		packets := prepare(c)
		for range 300 {
			packets = append(packets, []byte{2, 0, 0, 0, 0}, []byte{msgServiceAccept})
		}
		if err := c.send(packets...); err != nil {
			t.Logf("%s: cut while sending: %v", name, err)
		}
		c.gone(t)
		c.close()
	}
	w.stop()
	<-w.ended // then all connections have ended
	goleak.VerifyNone(t, before)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestHostileTextReachesNoTerminal(t *testing.T) {
	t.Parallel()
	evil := "a\x1b]52;c;ZXZpbA==\x07\x9b31m\x00\x7f\u202e\u009bz\xff"
	w := newWorld(t, nil)

	t.Run("client version", func(t *testing.T) {
		identifier := w.add(multi)
		c := w.rawVersion(t, identifier, "SSH-2.0-"+evil+strings.Repeat("v", 200))
		c.none(t)
		c.close()
		line := w.next()
		want := "SSH-2.0-a]52;c;ZXZpbA==31mz" + strings.Repeat("v", 200)
		if line.ClientVersion != want {
			t.Errorf("version in the log = %q, want %q", line.ClientVersion, want)
		}
		if got := w.session(identifier).Connections[0].ClientVersion; got != want {
			t.Errorf("version in the store = %q, want %q", got, want)
		}
	})
	t.Run("user name", func(t *testing.T) {
		for _, name := range []string{evil, strings.Repeat("x", 64<<10), "", "\xff\xfe"} {
			c := w.raw(t, name)
			c.none(t)
			c.close()
			if line := w.next(); line.Outcome != string(outcomeUnknown) || line.Err != "" {
				t.Errorf("user %.20q: %+v, want unknown", name, line)
			}
		}
	})
	t.Run("banner and message", func(t *testing.T) {
		stored := strings.ToValidUTF8(strings.ReplaceAll(evil, "\x00", ""), "") // all that a database takes
		identifier := w.add(single, banner(stored+"\n\tb"), message(stored))
		var shown string
		config := clientConfig(identifier, freshKey())
		config.BannerCallback = func(text string) error { shown += text; return nil }
		out, err := runShell(t, w.addr, config, "")
		if want := "a]52;c;ZXZpbA==31mz\n\tb\n"; shown != want {
			t.Errorf("banner = %q, want %q", shown, want)
		}
		if want := "a]52;c;ZXZpbA==31mz\n"; out != want || err != nil {
			t.Errorf("message = %q, %v; want %q", out, err, want)
		}
	})
	if strings.ContainsAny(w.log.text(), "\x1b\x07\x00\x7f\u202e\u009b") || strings.Contains(w.log.text(), `\u001b`) {
		t.Errorf("control characters in the log: %q", w.log.text())
	}
}

// clientConfig is that of the library's own client.
func clientConfig(identifier string, keys ...ssh.Signer) *ssh.ClientConfig {
	return &ssh.ClientConfig{
		User: identifier, HostKeyCallback: ssh.FixedHostKey(hostKeys()[0].PublicKey()),
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
		Auth: []ssh.AuthMethod{
			ssh.RetryableAuthMethod(ssh.PublicKeysCallback(unusedOf(keys)), 64),
			ssh.KeyboardInteractive(func(string, string, []string, []bool) ([]string, error) { return nil, nil }),
		},
	}
}

// unusedOf hands out the keys in turn: the library's client begins anew with
// the first one after a partial success.
func unusedOf(keys []ssh.Signer) func() ([]ssh.Signer, error) {
	var used atomic.Int64
	return func() ([]ssh.Signer, error) {
		i := int(used.Add(1)) - 1
		if i >= len(keys) {
			return nil, nil
		}
		return keys[i : i+1], nil
	}
}

// runShell logs in, asks for a shell and gives what came on stdout.
func runShell(t *testing.T, addr string, config *ssh.ClientConfig, stdin string) (string, error) {
	t.Helper()
	conn, err := ssh.Dial("tcp", addr, config)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	s, err := conn.NewSession()
	if err != nil {
		return "", err
	}
	s.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	s.Stdout = &out
	if err := s.Shell(); err != nil {
		return "", err
	}
	err = s.Wait()
	return out.String(), err
}

func TestKeysAtTheLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	identifier := w.add(multi)
	c := w.raw(t, identifier)
	c.none(t)
	good := map[string][]byte{
		"RSA, 16384 bits":       rsaBlob(16384, 65537),
		"RSA, 1024 bits":        rsaBlob(1024, 65537),
		"RSA, exponent 24 bits": rsaBlob(2048, 1<<24-1),
	}
	bad := map[string][]byte{
		"RSA, 16385 bits":       rsaBlob(16385, 65537),
		"RSA, 65536 bits":       rsaBlob(65536, 65537),
		"RSA, exponent 25 bits": rsaBlob(2048, 1<<24+1),
		"RSA, exponent 2":       rsaBlob(2048, 2),
		"RSA, modulus negative": ssh.Marshal(struct {
			Kind string
			E, N *big.Int
		}{"ssh-rsa", big.NewInt(3), big.NewInt(-1 << 40)}),
		"blob of 200 KiB":   ssh.Marshal(struct{ Kind, Key string }{"ssh-ed25519", strings.Repeat("k", 200<<10)}),
		"empty":             {},
		"key of 31 bytes":   ssh.Marshal(struct{ Kind, Key string }{"ssh-ed25519", strings.Repeat("k", 31)}),
		"unknown type":      ssh.Marshal(struct{ Kind, Key string }{"ssh-evil", "k"}),
		"point off a curve": ssh.Marshal(struct{ Kind, Curve, Point string }{"ecdsa-sha2-nistp256", "nistp256", "\x04" + strings.Repeat("p", 64)}),
	}
	for name, blob := range good {
		if got, _, err := c.offer("rsa-sha2-512", blob); got != msgAuthFailure {
			t.Fatalf("%s: answer %d, %v", name, got, err)
		}
	}
	for name, blob := range bad {
		algorithm := "rsa-sha2-512"
		if !strings.HasPrefix(name, "RSA") {
			algorithm = "ssh-ed25519"
		}
		if got, _, err := c.offer(algorithm, blob); got != msgAuthFailure {
			t.Fatalf("%s: answer %d, %v", name, got, err)
		}
	}
	c.land(t)
	c.close()
	if line := w.next(); line.Offered != len(good) || line.Skipped != len(bad) {
		t.Errorf("offered %d, skipped %d; want %d and %d", line.Offered, line.Skipped, len(good), len(bad))
	}
	for _, keys := range w.recorded(identifier) {
		if len(keys) != len(good) {
			t.Errorf("recorded:\n%s", grades(keys))
		}
	}
}

// A client that offers keys for ever is heard 128 times and then cut.
func TestKeysWithoutEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	identifier := w.add(multi)
	c := w.raw(t, identifier)
	c.none(t)
	for i, key := range freshKeys(200) {
		answer, _, err := c.offer(ssh.KeyAlgoED25519, key.PublicKey().Marshal())
		if err != nil || answer == msgDisconnect {
			if i != requestCap-1 {
				t.Errorf("cut at key %d, want %d", i+1, requestCap)
			}
			break
		}
	}
	c.gone(t)
	w.next()
	if got := w.recorded(identifier); len(got) != 1 || len(got[0]) != requestCap-1 {
		t.Errorf("recorded %d connections, want 1 with %d keys", len(got), requestCap-1)
	}
}

func TestFloodsAfterLogin(t *testing.T) {
	t.Parallel()
	floods := map[string]func() []byte{
		"channels":            func() []byte { return channelOpen("direct-tcpip") },
		"session channels":    func() []byte { return channelOpen("session") },
		"global requests":     func() []byte { return globalRequest("tcpip-forward") },
		"channel requests":    func() []byte { return channelRequest("env") },
		"unsolicited replies": func() []byte { return []byte{msgRequestFailure} },
		"packets to be ignored": func() []byte {
			return ssh.Marshal(struct {
				Data string `sshtype:"2"`
			}{strings.Repeat("i", 16<<10)})
		},
	}
	for name, packet := range floods {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(o *Options) { o.ConfirmGrace = time.Hour })
			c := w.prompting(t)
			check(t, c.nc.SetDeadline(time.Now().Add(3*time.Minute)))
			go func() { // ends when the server hangs up
				for c.send(packet()) == nil {
				}
			}()
			if n := c.gone(t); n > maxEvents {
				t.Errorf("%d answers to a flood, want %d at most", n, maxEvents)
			}
			if line := w.next(); line.Outcome != string(outcomeUnconfirmed) {
				t.Errorf("outcome = %s, want unconfirmed", line.Outcome)
			}
		})
	}
}

// prompting logs in to where the server waits for the user's y.
func (w *world) prompting(t *testing.T) *rawClient {
	t.Helper()
	c := w.raw(t, w.add(with(multi, confirm)))
	c.none(t)
	c.ask(t, msgAuthFailure, "publickey", offerBody(ssh.KeyAlgoED25519, freshKey().PublicKey().Marshal()))
	c.land(t)
	c.openSession(t)
	check(t, c.send(channelRequest("shell")))
	for _, want := range []byte{msgChannelSuccess, msgExtendedData} { // the prompt
		if _, err := c.expect(want); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestRekeying(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	c := w.prompting(t)
	for i := range 50 {
		if err := c.exchangeKeys(); err != nil {
			t.Fatalf("key exchange %d: %v", i, err)
		}
	}
	check(t, c.send(channelOpen("session")))
	if _, err := c.expect(msgOpenFailure); err != nil {
		t.Errorf("after re-keying: %v", err)
	}
}

func TestRefusesWhatIsNotDocumented(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	c := w.raw(t, w.add(single))
	c.none(t)
	c.land(t)
	refused := func(what string, packet []byte, want byte) {
		t.Helper()
		check(t, c.send(packet))
		if _, err := c.expect(want); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, kind := range []string{"direct-tcpip", "x11", "auth-agent@openssh.com", "direct-streamlocal@openssh.com", "tun@openssh.com", ""} {
		refused("channel "+kind, channelOpen(kind), msgOpenFailure)
	}
	for _, kind := range []string{"tcpip-forward", "streamlocal-forward@openssh.com", "keepalive@openssh.com", "no-more-sessions@openssh.com"} {
		refused("global request "+kind, globalRequest(kind), msgRequestFailure)
	}
	c.openSession(t)
	refused("second session channel", channelOpen("session"), msgOpenFailure)
	for _, kind := range []string{"env", "subsystem", "auth-agent-req@openssh.com", "x11-req", "signal", "break"} {
		refused("channel request "+kind, channelRequest(kind), msgChannelFailure)
	}
	refused("shell", channelRequest("shell"), msgChannelSuccess)
}

// Proofs made for one user name must not count for another.
func TestUserNameChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	mine, victims := w.add(multi), w.add(multi)
	c := w.raw(t, mine)
	c.none(t)
	key := freshKey()
	if got, _, err := c.offer(ssh.KeyAlgoED25519, key.PublicKey().Marshal()); got != msgAuthFailure {
		t.Fatalf("offer: %d, %v", got, err)
	}
	c.user = victims
	if got, _, err := c.offer(ssh.KeyAlgoED25519, freshKey().PublicKey().Marshal()); err == nil {
		t.Errorf("an offer for another user was answered: %d", got)
	}
	w.next()
	w.wantRecorded(t, mine, fmt.Sprintf("%s false\n", plain(t, key.PublicKey())))
	if n := len(w.session(victims).Connections); n != 0 {
		t.Errorf("the other session has %d connections", n)
	}
}

// Unknown, expired and finished must look alike, message by message.
func TestNoOracle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	names := map[string]string{
		"unknown":  core.NewIdentifier(),
		"expired":  w.add(single, func(s *session) { s.ExpiresAt = core.Moment(time.Now().Add(-time.Second)) }),
		"finished": w.add(single, func(s *session) { s.Status = core.SessionCompleted }),
		"nonsense": "root",
	}
	want := w.conversation(t, "x")
	for name, identifier := range names {
		if got := w.conversation(t, identifier); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	for _, name := range []string{"expired", "finished"} {
		if n := len(w.session(names[name]).Connections); n != 0 {
			t.Errorf("the %s session has %d connections", name, n)
		}
	}
}

// conversation tells everything the server sends to somebody who walks
// through all methods.
func (w *world) conversation(t *testing.T, user string) string {
	t.Helper()
	c := w.raw(t, user)
	defer c.close()
	var b strings.Builder
	for _, method := range []string{"none", "keyboard-interactive", "publickey"} {
		answer, partial, err := c.request(method, landBody())
		fmt.Fprintf(&b, "%s: %d %v %v; ", method, answer, partial, err != nil)
	}
	w.next()
	return b.String() + c.banner
}

func TestMalformedPackets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.IdentifyGrace, o.LoginGrace = 5*time.Second, 5*time.Second })
	identifier := w.add(with(multi, reusable))
	for i := range 200 {
		c, err := dialRaw(w.addr, "SSH-2.0-mutant")
		check(t, err)
		if i%2 == 0 {
			check(t, c.handshake())
			c.user = identifier
			c.none(t)
		}
		packet := c.seal(c.marshalRequest("publickey", offerBody(ssh.KeyAlgoED25519, freshKey().PublicKey().Marshal())))
		mutate(packet)
		_, _ = c.nc.Write(packet)
		_ = c.nc.(*net.TCPConn).CloseWrite()
		c.gone(t)
		c.close()
	}
	w.honest(t)
}

// mutate changes some random bytes, the length among them.
func mutate(packet []byte) {
	var dice [8]byte
	_, _ = rand.Read(dice[:])
	for i := range 3 {
		packet[int(dice[2*i])*len(packet)/256] ^= dice[2*i+1] | 1
	}
}

func TestPanicStaysInItsConnection(t *testing.T) {
	t.Parallel()
	var bomb atomic.Bool
	w := newWorld(t, func(o *Options) { o.Sessions = &exploding{Sessions: o.Sessions, armed: &bomb} })
	bomb.Store(true)
	c := w.raw(t, w.add(single))
	if answer, _, err := c.request("none", nil); err == nil {
		t.Errorf("answer %d from a server that panics", answer)
	}
	if line := w.next(); line.Outcome != string(outcomeCrashed) || line.Level != "ERROR" || !strings.Contains(line.Err, "attack_test.go") {
		t.Errorf("log: %+v, want an error with the stack", line)
	}
	bomb.Store(false)
	c = w.raw(t, w.add(multi))
	c.none(t)
	c.ask(t, msgAuthFailure, "publickey", offerBody(ssh.KeyAlgoED25519, freshKey().PublicKey().Marshal()))
	bomb.Store(true)
	c.close()
	if line := w.next(); line.Outcome != string(outcomeCrashed) || line.Offered != 1 {
		t.Errorf("log: %+v, want a crash with the key counted", line)
	}
	bomb.Store(false)
	w.honest(t)
}

type exploding struct {
	Sessions
	armed *atomic.Bool
}

func (e *exploding) Connect(ctx context.Context, by core.Actor, identifier, version string) (core.Visit, error) {
	if e.armed.Load() {
		panic("boom")
	}
	return e.Sessions.Connect(ctx, by, identifier, version)
}

func (e *exploding) Finish(ctx context.Context, by core.Actor, c core.Connection, keys []core.CollectedKey) ([]core.CollectedKey, error) {
	if e.armed.Load() {
		panic("boom")
	}
	return e.Sessions.Finish(ctx, by, c, keys)
}

// starved fails to accept as a process without free descriptors does.
type starved struct {
	net.Listener
	left atomic.Int32
}

func (s *starved) Accept() (net.Conn, error) {
	if s.left.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return s.Listener.Accept()
}

func TestAcceptSurvivesShortage(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	hungry := &starved{Listener: ln}
	hungry.left.Store(4)
	w := newWorldOn(t, hungry, nil)
	w.honest(t)
	if n := strings.Count(w.log.text(), "too many open files"); n != 4 {
		t.Errorf("%d lines tell of the shortage, want 4", n)
	}
}

func TestBrokenListenerEndsServe(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	check(t, ln.Close())
	s, err := New(Options{Sessions: &faulty{}, HostKeys: hostKeys(), Log: discard()})
	check(t, err)
	if err := s.Serve(t.Context(), ln); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve on a closed listener = %v, want %v", err, net.ErrClosed)
	}
}

// All at once, as the attackers do: two connections race for one session.
func TestOneOfManyWins(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	identifier := w.add(single)
	const racers = 8
	start := make(chan struct{})
	var racing sync.WaitGroup
	for range racers {
		c, key := w.raw(t, identifier), freshKey()
		c.none(t)
		racing.Go(func() {
			<-start
			got, _, err := c.sign(c.sessionID, ssh.KeyAlgoED25519, key.PublicKey().Marshal(), signWith(key))
			if got != msgAuthSuccess {
				t.Errorf("sign: %d, %v", got, err)
			}
			c.close()
		})
	}
	close(start)
	racing.Wait()
	outcomes := map[string]int{}
	for range racers {
		outcomes[w.next().Outcome]++
	}
	if outcomes[string(outcomeCollected)] != 1 || outcomes[string(outcomeTooLate)] != racers-1 {
		t.Errorf("outcomes = %v, want 1 collected and %d too late", outcomes, racers-1)
	}
	if got := w.recorded(identifier); len(got) != 1 || len(got[0]) != 1 || !got[0][0].Proven {
		t.Errorf("recorded %v", got)
	}
}
