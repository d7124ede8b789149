package sshd

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"golang.org/x/crypto/ssh"
)

func TestNewAsksForWhatItNeeds(t *testing.T) {
	t.Parallel()
	whole := Options{Sessions: &faulty{}, HostKeys: hostKeys(), Log: discard()}
	if _, err := New(whole); err != nil {
		t.Errorf("New: %v", err)
	}
	for name, without := range map[string]func(*Options){
		"sessions":  func(o *Options) { o.Sessions = nil },
		"host keys": func(o *Options) { o.HostKeys = nil },
		"log":       func(o *Options) { o.Log = nil },
	} {
		o := whole
		without(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), "no "+name) {
			t.Errorf("New without %s = %v, want an error that says so", name, err)
		}
	}
}

// What goes over the wire is a promise; a new version of the library must not
// change it unseen.
func TestAlgorithms(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	c := w.raw(t, "x")
	want := kexInit{
		Kex: []string{
			"mlkem768x25519-sha256", "curve25519-sha256", "curve25519-sha256@libssh.org",
			"ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521",
			"diffie-hellman-group14-sha256", strictKexByServers,
		},
		HostKey: []string{"ssh-ed25519", "rsa-sha2-256", "rsa-sha2-512"},
		CipherOut: []string{
			"aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com",
			"aes128-ctr", "aes192-ctr", "aes256-ctr",
		},
		MACOut: []string{
			"hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512",
		},
		CompressOut: []string{"none"},
	}
	got := c.offered
	for name, pair := range map[string][2][]string{
		"key exchange": {got.Kex, want.Kex}, "host key": {got.HostKey, want.HostKey},
		"cipher out": {got.CipherOut, want.CipherOut}, "cipher in": {got.CipherIn, want.CipherOut},
		"mac out": {got.MACOut, want.MACOut}, "mac in": {got.MACIn, want.MACOut},
		"compression out": {got.CompressOut, want.CompressOut}, "compression in": {got.CompressIn, want.CompressOut},
	} {
		if diff := cmp.Diff(pair[1], pair[0]); diff != "" {
			t.Errorf("%s algorithms differ:\n%s", name, diff)
		}
	}
	if c.serverVersion != "SSH-2.0-Keyrack" {
		t.Errorf("version = %q", c.serverVersion)
	}
	wantKeys := "ssh-ed25519,sk-ssh-ed25519@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com,ecdsa-sha2-nistp256," +
		"ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-256,rsa-sha2-512,ssh-rsa,ssh-dss"
	if got := serverSigAlgs(c.extInfo); got != wantKeys {
		t.Errorf("server-sig-algs = %s, want %s", got, wantKeys)
	}
}

// serverSigAlgs finds the extension in an EXT_INFO message (RFC 8308).
func serverSigAlgs(info []byte) string {
	_, after, _ := strings.Cut(string(info), "server-sig-algs")
	if len(after) < 4 {
		return ""
	}
	return after[4 : 4+binary.BigEndian.Uint32([]byte(after))]
}

// One line a connection, which must not give the identifier away.
func TestLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	identifier := w.add(prove, reusable)
	keys := freshKeys(2)
	if _, err := runShell(t, w.addr, clientConfig(identifier, keys...), ""); err != nil {
		t.Fatal(err)
	}
	got := w.next()
	want := logLine{
		Level: "INFO", Msg: "ssh connection", Outcome: "collected", Address: "127.0.0.1", ClientVersion: "SSH-2.0-Go",
		SessionID: w.session(identifier).UUID.String(), Offered: 2, Proven: 2, Duration: got.Duration,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("log differs:\n%s", diff)
	}
	if got.Duration <= 0 {
		t.Errorf("duration = %d", got.Duration)
	}
	if strings.Contains(w.log.text(), identifier) {
		t.Errorf("the log shows the identifier, which grants: %s", w.log.text())
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	w := newWorld(t, func(o *Options) { o.Metrics = registry })
	if _, err := runShell(t, w.addr, clientConfig(w.add(multi), freshKeys(3)...), ""); err != nil {
		t.Fatal(err)
	}
	if _, err := runShell(t, w.addr, clientConfig(w.add(single), freshKey()), ""); err != nil {
		t.Fatal(err)
	}
	w.stop()
	<-w.ended
	const want = `
# HELP keyrack_ssh_keys_total Keys that SSH clients showed: offered, proven (signed with), skipped (unreadable).
# TYPE keyrack_ssh_keys_total counter
keyrack_ssh_keys_total{grade="offered"} 3
keyrack_ssh_keys_total{grade="proven"} 1
keyrack_ssh_keys_total{grade="skipped"} 0
# HELP keyrack_ssh_open_connections SSH connections that are open now.
# TYPE keyrack_ssh_open_connections gauge
keyrack_ssh_open_connections 0
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "keyrack_ssh_keys_total", "keyrack_ssh_open_connections"); err != nil {
		t.Error(err)
	}
	if n := w.count(outcomeCollected); n != 2 {
		t.Errorf("%d connections collected, want 2", n)
	}
	if _, err := New(Options{Sessions: &faulty{}, HostKeys: hostKeys(), Log: discard(), Metrics: registry}); err == nil {
		t.Error("two servers count into one registry")
	}
}

func TestKeysAreDated(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 10, 12, 0, 0, 123456789, time.FixedZone("", 7200))
	w := newWorld(t, func(o *Options) { o.Now = func() time.Time { return at } })
	identifier := w.add(multi)
	if _, err := runShell(t, w.addr, clientConfig(identifier, freshKey()), ""); err != nil {
		t.Fatal(err)
	}
	want := time.Date(2026, 5, 10, 10, 0, 0, 123456000, time.UTC)
	for _, keys := range w.recorded(identifier) {
		if got := keys[0].CreatedAt; got != want {
			t.Errorf("key dated %v, want %v", got, want)
		}
	}
}

func TestSourceOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true},
		{"2001:db8:0:1::1", "2001:db8:0:2::1", false},
	} {
		if got := sourceOf(netip.MustParseAddr(c.a)) == sourceOf(netip.MustParseAddr(c.b)); got != c.same {
			t.Errorf("%s and %s one source: %v, want %v", c.a, c.b, got, c.same)
		}
	}
}

func TestAddressOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   net.Addr
		want string
	}{
		{&net.TCPAddr{IP: net.ParseIP("::ffff:192.0.2.1"), Port: 5}, "192.0.2.1"},
		{&net.TCPAddr{IP: net.ParseIP("2001:db8::1"), Port: 5}, "2001:db8::1"},
		{&net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0"}, "fe80::1"},
		{&net.UnixAddr{Name: "@"}, "invalid IP"},
	} {
		if got := addressOf(c.in).String(); got != c.want {
			t.Errorf("addressOf(%v) = %s, want %s", c.in, got, c.want)
		}
	}
}

func TestLimitsForget(t *testing.T) {
	t.Parallel()
	l := newLimits(2, 1)
	here, there := netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("192.0.2.2/32")
	for i, want := range []bool{true, true, false} {
		if got := l.enter(); got != want {
			t.Errorf("connection %d may enter: %v, want %v", i, got, want)
		}
	}
	if !l.claim(here) || l.claim(here) || !l.claim(there) {
		t.Error("each source may have one connection")
	}
	l.release(here)
	l.release(there)
	l.leave()
	if !l.enter() || !l.claim(here) {
		t.Error("who has left counts still")
	}
	if len(l.sources) != 1 {
		t.Errorf("%d sources remembered, want those with connections", len(l.sources))
	}
}

func TestHush(t *testing.T) {
	t.Parallel()
	h := newHush()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	a, b := netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("192.0.2.2/32")
	for i, c := range []struct {
		source netip.Prefix
		after  time.Duration
		want   bool
	}{
		{a, 0, true}, {a, 59 * time.Second, false}, {b, 59 * time.Second, true},
		{a, 60 * time.Second, true}, {a, 61 * time.Second, false},
	} {
		if got := h.passes(c.source, at.Add(c.after)); got != c.want {
			t.Errorf("event %d after %v passes: %v, want %v", i, c.after, got, c.want)
		}
	}
}

// An RSA host key signs with SHA-2 alone, whatever its signer could do.
func TestHostKeySignsNoSHA1(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	config := clientConfig(w.add(single), freshKey())
	config.HostKeyCallback = ssh.FixedHostKey(hostKeys()[1].PublicKey())
	for algorithm, ok := range map[string]bool{ssh.KeyAlgoRSASHA512: true, ssh.KeyAlgoRSASHA256: true, ssh.KeyAlgoRSA: false} {
		config.HostKeyAlgorithms = []string{algorithm}
		conn, err := ssh.Dial("tcp", w.addr, config)
		if agreed := err == nil || !strings.Contains(err.Error(), "no common algorithm"); agreed != ok {
			t.Errorf("host key algorithm %s: %v, want agreement %v", algorithm, err, ok)
		}
		if conn != nil {
			_ = conn.Close()
		}
	}
}
