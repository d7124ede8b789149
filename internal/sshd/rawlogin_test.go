package sshd

import (
	"crypto/rand"
	"errors"
	"io"
	"math/big"
	"testing"

	"golang.org/x/crypto/ssh"
)

// raw connects up to the point where authentication requests are heard.
func (w *world) raw(t rapidTB, identifier string) *rawClient {
	t.Helper()
	return w.rawVersion(t, identifier, "SSH-2.0-raw")
}

func (w *world) rawVersion(t rapidTB, identifier, version string) *rawClient {
	t.Helper()
	c, err := dialRaw(w.addr, version)
	if err != nil {
		t.Fatal(err)
	}
	w.t.Cleanup(c.close)
	if err := c.handshake(); err != nil {
		t.Fatal(err)
	}
	c.user = identifier
	return c
}

// rapidTB is what testing.TB and rapid.T have in common.
type rapidTB interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// ask sends a request and demands the answer's type.
func (c *rawClient) ask(t rapidTB, want byte, method string, rest []byte) {
	t.Helper()
	if got, _, err := c.request(method, rest); err != nil || got != want {
		t.Fatalf("%s: answer %d, %v; want %d", method, got, err, want)
	}
}

// none sends the probe for methods.
func (c *rawClient) none(t rapidTB) {
	t.Helper()
	c.ask(t, msgAuthFailure, "none", nil)
}

// land asks to be let in with what has been shown.
func (c *rawClient) land(t rapidTB) {
	t.Helper()
	c.ask(t, msgAuthSuccess, "keyboard-interactive", landBody())
}

func landBody() []byte { return ssh.Marshal(struct{ Lang, Sub string }{}) }

// gone reads until the server hangs up, and counts what it says before.
func (c *rawClient) gone(t *testing.T) (packets int) {
	t.Helper()
	for {
		if _, err := c.read(); err != nil {
			if !hungUp(err) {
				t.Errorf("the server has not hung up: %v", err)
			}
			return packets
		}
		packets++
	}
}

// hungUp tells the end of a connection from the end of our own patience.
func hungUp(err error) bool {
	var timeout interface{ Timeout() bool }
	return !errors.As(err, &timeout) || !timeout.Timeout()
}

// signWith makes a signature as the key's own program would.
func signWith(key ssh.Signer) func([]byte) *ssh.Signature {
	return func(data []byte) *ssh.Signature {
		s, err := key.Sign(rand.Reader, data)
		if err != nil {
			panic(err)
		}
		return s
	}
}

// openSession opens a session channel and asks for a shell.
func (c *rawClient) openSession(t *testing.T) {
	t.Helper()
	if err := c.send(channelOpen("session")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.expect(msgOpenConfirm); err != nil {
		t.Fatal(err)
	}
}

func channelOpen(kind string) []byte {
	return ssh.Marshal(struct {
		Kind             string `sshtype:"90"`
		ID, Window, Size uint32
	}{kind, 0, 1 << 20, 1 << 15})
}

func channelRequest(kind string) []byte {
	return ssh.Marshal(struct {
		ID    uint32 `sshtype:"98"`
		Kind  string
		Reply bool
	}{0, kind, true})
}

func globalRequest(kind string) []byte {
	return ssh.Marshal(struct {
		Kind  string `sshtype:"80"`
		Reply bool
	}{kind, true})
}

// rsaBlob makes an RSA key of any shape; nobody has its private half.
func rsaBlob(bits int, exponent int64) []byte {
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	n.SetBit(n, 0, 1)
	return ssh.Marshal(struct {
		Kind string
		E, N *big.Int
	}{"ssh-rsa", big.NewInt(exponent), n})
}

func readAll(r io.Reader) string {
	text, _ := io.ReadAll(r)
	return string(text)
}
