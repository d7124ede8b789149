package sshd

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"keyrack/internal/core"
	"keyrack/internal/sshkey"
)

// keyDir holds the key files that tests share.
var keyDir string

func signer(key crypto.PrivateKey) ssh.Signer {
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		panic(err)
	}
	return s
}

func ed25519Key() ed25519.PrivateKey {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return private
}

// freshKey makes an Ed25519 key.
func freshKey() ssh.Signer { return signer(ed25519Key()) }

func freshKeys(n int) []ssh.Signer {
	out := make([]ssh.Signer, n)
	for i := range out {
		out[i] = freshKey()
	}
	return out
}

func plain(t testing.TB, key ssh.PublicKey) sshkey.PublicKey {
	t.Helper()
	return plainKey(key)
}

func plainKey(key ssh.PublicKey) sshkey.PublicKey {
	k, err := sshkey.FromSSH(key)
	if err != nil {
		panic(err)
	}
	return k
}

// keygen runs ssh-keygen and gives the path of the private key it made.
func keygen(t testing.TB, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "id")
	must(t, "ssh-keygen", append([]string{"-q", "-N", "", "-C", "", "-f", path}, args...)...)
	return path
}

func must(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// publicOf reads the public half beside a private key file.
func publicOf(t testing.TB, private string) sshkey.PublicKey {
	t.Helper()
	text, err := os.ReadFile(private + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	line, err := sshkey.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return line.Key
}

// manyKeys gives the paths of n Ed25519 key files, the same for all tests.
func manyKeys(t testing.TB, n int) []string {
	t.Helper()
	manyMu.Lock()
	defer manyMu.Unlock()
	for i := len(many); i < n; i++ {
		path := filepath.Join(keyDir, fmt.Sprintf("many%03d", i))
		writeKeyFiles(t, path)
		many = append(many, path)
	}
	return many[:n]
}

var (
	manyMu sync.Mutex // guards many
	many   []string
)

// writeKeyFiles makes a key pair as ssh-keygen does, quicker.
func writeKeyFiles(t testing.TB, path string) {
	t.Helper()
	private := ed25519Key()
	writeFile(t, path, string(pemOf(t, private)))
	writeFile(t, path+".pub", string(ssh.MarshalAuthorizedKey(signer(private).PublicKey())))
}

// grades shows keys as "fingerprint proven" lines, for comparing.
func grades(keys []core.CollectedKey) string {
	var b strings.Builder
	for _, k := range keys {
		fmt.Fprintf(&b, "%s %v\n", k.Public, k.Proven)
	}
	return b.String()
}

// want makes what grades gives for the key files, all proven or none.
func want(t testing.TB, proven bool, paths ...string) string {
	t.Helper()
	var b strings.Builder
	for _, p := range paths {
		fmt.Fprintf(&b, "%s %v\n", publicOf(t, p), proven)
	}
	return b.String()
}

func pemOf(t testing.TB, key crypto.PrivateKey) []byte {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block)
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
