package sshd

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"pgregory.net/rapid"
)

// TestProvenIffSigned plays random scripts of offers, signatures and stolen
// signatures over up to four interleaved connections to one session
// (CVE-2024-45337 and its kin): a key is proven if and only if it signed in
// that very connection.
func TestProvenIffSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.PerSource, o.MaxConnections, o.PerMinute = 1000, 1000, 1e6 })
	keys := freshKeys(3)
	modes := map[string]func(*session){"single": single, "multi": multi, "prove": prove}
	rapid.Check(t, func(t *rapid.T) {
		mode := rapid.SampledFrom([]string{"single", "multi", "prove"}).Draw(t, "mode")
		identifier := w.add(modes[mode], reusable)
		conns := make([]*modelConn, rapid.IntRange(1, 4).Draw(t, "connections"))
		for i := range conns {
			conns[i] = &modelConn{rawClient: w.raw(t, identifier), mode: mode, keys: keys, proven: map[int]bool{}}
			conns[i].none(t)
		}
		for range rapid.IntRange(1, 16).Draw(t, "steps") {
			c := rapid.SampledFrom(conns).Draw(t, "connection")
			key := rapid.IntRange(0, len(keys)-1).Draw(t, "key")
			switch rapid.SampledFrom([]string{"offer", "sign", "steal", "leave"}).Draw(t, "step") {
			case "offer":
				c.stepOffer(t, key)
			case "sign":
				c.stepSign(t, key)
			case "steal":
				c.stepSteal(t, key, rapid.SampledFrom(conns).Draw(t, "victim"))
			case "leave":
				c.leave()
			}
		}
		for _, c := range conns {
			c.leave()
		}
		for range conns {
			w.next()
		}
		for i, connection := range w.session(identifier).Connections { // in the order of their first requests
			if got, want := grades(connection.Keys), conns[i].recorded(t); got != want {
				t.Errorf("%s, connection %d recorded:\n%swant:\n%s", mode, i, got, want)
			}
		}
	})
}

// modelConn is a connection and what should come of it.
type modelConn struct {
	*rawClient
	mode   string
	keys   []ssh.Signer
	shown  []int // in order
	proven map[int]bool
	over   bool
}

func (c *modelConn) blob(key int) []byte { return c.keys[key].PublicKey().Marshal() }

func (c *modelConn) note(key int) {
	for _, k := range c.shown {
		if k == key {
			return
		}
	}
	c.shown = append(c.shown, key)
}

func (c *modelConn) stepOffer(t *rapid.T, key int) {
	if c.over {
		return
	}
	got, _, err := c.offer(ssh.KeyAlgoED25519, c.blob(key))
	want := byte(msgAuthPKOK)
	if c.mode == "multi" || c.proven[key] {
		want = msgAuthFailure
	}
	if err != nil || got != want {
		t.Fatalf("%s offer %d: answer %d, %v; want %d", c.mode, key, got, err, want)
	}
	c.note(key)
}

func (c *modelConn) stepSign(t *rapid.T, key int) {
	if c.over {
		return
	}
	got, partial, err := c.sign(c.sessionID, ssh.KeyAlgoED25519, c.blob(key), signWith(c.keys[key]))
	want, wantPartial := byte(msgAuthFailure), c.mode == "prove" && !c.proven[key]
	if c.mode == "single" {
		want = msgAuthSuccess
	}
	if err != nil || got != want || partial != wantPartial {
		t.Fatalf("%s sign %d: answer %d, partial %v, %v; want %d, %v", c.mode, key, got, partial, err, want, wantPartial)
	}
	c.note(key)
	if c.mode != "multi" {
		c.proven[key] = true
	}
	c.over = c.mode == "single"
}

// stepSteal replays a signature that was made for another connection, or for
// another key.
func (c *modelConn) stepSteal(t *rapid.T, key int, victim *modelConn) {
	if c.over {
		return
	}
	signer := c.keys[key]
	if victim == c {
		signer = c.keys[(key+1)%len(c.keys)]
	}
	got, _, err := c.sign(victim.sessionID, ssh.KeyAlgoED25519, c.blob(key), signWith(signer))
	if err == nil {
		t.Fatalf("%s: a stolen signature is answered with %d", c.mode, got)
	}
	c.note(key) // it was offered all the same
	c.over = true
}

func (c *modelConn) leave() {
	c.over = true
	c.close()
}

// recorded is what should be recorded, as grades gives it.
func (c *modelConn) recorded(t *rapid.T) string {
	if c.mode != "multi" && len(c.proven) == 0 {
		return ""
	}
	var b strings.Builder
	for _, k := range c.shown {
		if c.mode == "single" && !c.proven[k] {
			continue
		}
		key := plainKey(c.keys[k].PublicKey())
		fmt.Fprintf(&b, "%s %v\n", key, c.proven[k])
	}
	return b.String()
}

// hardwareKey is a security key made of software.
type hardwareKey struct {
	private     ed25519.PrivateKey
	application string
	flags       byte // of the authenticator: 1 says that it was touched
}

func newHardwareKey(flags byte) *hardwareKey {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return &hardwareKey{private, "ssh:", flags}
}

func (k *hardwareKey) blob() []byte {
	return ssh.Marshal(struct {
		Kind        string
		Key         []byte
		Application string
	}{ssh.KeyAlgoSKED25519, k.private.Public().(ed25519.PublicKey), k.application})
}

// sign does what OpenSSH's PROTOCOL.u2f says of SSH signatures.
func (k *hardwareKey) sign(data []byte) *ssh.Signature {
	application, message := sha256.Sum256([]byte(k.application)), sha256.Sum256(data)
	tail := binary.BigEndian.AppendUint32([]byte{k.flags}, 7)
	signed := append(append(application[:], tail...), message[:]...)
	return &ssh.Signature{Format: ssh.KeyAlgoSKED25519, Blob: ed25519.Sign(k.private, signed), Rest: tail}
}

// certified wraps the key into a certificate with the given extensions, signed
// by anybody.
func (k *hardwareKey) certified(t *testing.T, extensions map[string]string) []byte {
	t.Helper()
	public, err := ssh.ParsePublicKey(k.blob())
	check(t, err)
	cert := &ssh.Certificate{
		Key: public, CertType: ssh.UserCert, ValidBefore: ssh.CertTimeInfinity,
		Permissions: ssh.Permissions{Extensions: extensions},
	}
	check(t, cert.SignCert(rand.Reader, freshKey()))
	return cert.Marshal()
}

func TestHardwareKeys(t *testing.T) {
	t.Parallel()
	waived := map[string]string{"no-touch-required": ""}
	for _, c := range []struct {
		name   string
		flags  byte
		cert   bool
		extra  map[string]string
		proven bool
	}{
		{name: "touched", flags: 1, proven: true},
		{name: "touched and verified by PIN", flags: 5, proven: true},
		{name: "not touched", flags: 0},
		{name: "certificate, touched", flags: 1, cert: true, proven: true},
		{name: "certificate, not touched", flags: 0, cert: true},
		{name: "certificate that waives the touch, not touched", flags: 0, cert: true, extra: waived},
		{name: "certificate that waives the touch, touched", flags: 1, cert: true, extra: waived},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			identifier := w.add(prove)
			key := newHardwareKey(c.flags)
			blob, algorithm := key.blob(), ssh.KeyAlgoSKED25519
			if c.cert {
				blob, algorithm = key.certified(t, c.extra), ssh.CertAlgoSKED25519v01
			}
			conn := w.raw(t, identifier)
			conn.none(t)
			_, partial, err := conn.sign(conn.sessionID, algorithm, blob, key.sign)
			if partial != c.proven {
				t.Errorf("partial success: %v, %v; want %v", partial, err, c.proven)
			}
			conn.close()
			if line := w.next(); line.Proven == 1 != c.proven || line.Offered != 1 {
				t.Errorf("log: offered %d, proven %d; want 1, and proven %v", line.Offered, line.Proven, c.proven)
			}
			if got := len(w.recorded(identifier)); got == 1 != c.proven {
				t.Errorf("%d connections recorded, want that %v", got, c.proven)
			}
		})
	}
}

// A certificate stands for its key. What it says, and who says it, is not
// asked: nobody gets anything for it.
func TestCertificates(t *testing.T) {
	t.Parallel()
	now := uint64(time.Now().Unix())
	for name, change := range map[string]func(*ssh.Certificate){
		"valid":                   func(*ssh.Certificate) {},
		"expired":                 func(c *ssh.Certificate) { c.ValidBefore = 1 },
		"not yet valid":           func(c *ssh.Certificate) { c.ValidAfter = now + 3600 },
		"wrong principal":         func(c *ssh.Certificate) { c.ValidPrincipals = []string{"root"} },
		"host certificate":        func(c *ssh.Certificate) { c.CertType = ssh.HostCert },
		"unknown critical option": func(c *ssh.Certificate) { c.CriticalOptions = map[string]string{"verify-required": "", "x": "y"} },
		"source address of others": func(c *ssh.Certificate) {
			c.CriticalOptions = map[string]string{"source-address": "192.0.2.1/32"}
		},
		"empty source address": func(c *ssh.Certificate) { c.CriticalOptions = map[string]string{"source-address": ""} },
		"hostile key id":       func(c *ssh.Certificate) { c.KeyId = "\x1b[2J\x00\xff" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			identifier := w.add(prove)
			key := freshKey()
			cert := &ssh.Certificate{Key: key.PublicKey(), CertType: ssh.UserCert, ValidBefore: ssh.CertTimeInfinity}
			change(cert)
			check(t, cert.SignCert(rand.Reader, freshKey()))
			both, err := ssh.NewCertSigner(cert, key)
			check(t, err)
			if _, err := runShell(t, w.addr, clientConfig(identifier, both, key), ""); err != nil {
				t.Errorf("login: %v", err)
			}
			w.next()
			w.wantRecorded(t, identifier, fmt.Sprintf("%s true\n", plain(t, key.PublicKey())))
		})
	}
}

// A certificate as the authority of a certificate could have a parser go in
// circles.
func TestNestedCertificate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	identifier := w.add(multi)
	key := freshKey()
	inner := &ssh.Certificate{Key: key.PublicKey(), CertType: ssh.UserCert}
	check(t, inner.SignCert(rand.Reader, freshKey()))
	outer := &ssh.Certificate{Key: freshKey().PublicKey(), CertType: ssh.UserCert}
	check(t, outer.SignCert(rand.Reader, key))
	outer.SignatureKey = inner
	c := w.raw(t, identifier)
	c.none(t)
	c.ask(t, msgAuthFailure, "publickey", offerBody(ssh.CertAlgoED25519v01, outer.Marshal()))
	c.close()
	if line := w.next(); line.Offered != 0 || line.Skipped != 1 {
		t.Errorf("offered %d, skipped %d; want 0 and 1", line.Offered, line.Skipped)
	}
}

func TestSHA1IsNoProof(t *testing.T) {
	t.Parallel()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	check(t, err)
	key := signer(private)
	old, err := ssh.NewSignerWithAlgorithms(key.(ssh.AlgorithmSigner), []string{ssh.KeyAlgoRSA})
	check(t, err)
	for _, c := range []struct {
		name   string
		key    ssh.Signer
		proven bool
	}{{"ssh-rsa", old, false}, {"rsa-sha2", key, true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			identifier := w.add(single)
			_, err := runShell(t, w.addr, clientConfig(identifier, c.key), "")
			if _, exited := errors.AsType[*ssh.ExitError](err); exited == c.proven {
				t.Errorf("shell: %v, want success %v", err, c.proven)
			}
			if line := w.next(); line.Offered != 1 || line.Proven == 1 != c.proven {
				t.Errorf("log: offered %d, proven %d; want 1, and proven %v", line.Offered, line.Proven, c.proven)
			}
		})
	}
}

func TestWrongSignatureEndsTheConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	identifier := w.add(prove)
	c := w.raw(t, identifier)
	c.none(t)
	mine, victims := freshKey(), freshKey()
	if got, _, err := c.sign(c.sessionID, ssh.KeyAlgoED25519, victims.PublicKey().Marshal(), signWith(mine)); err == nil {
		t.Errorf("answer %d to a signature of another key", got)
	}
	w.next()
	w.wantRecorded(t, identifier, "")
}
