package sshd

import (
	"crypto"
	"crypto/dsa" //nolint:staticcheck // to see such keys refused
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
)

func TestMakeHostKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	paths := racers(t, dir, 4) // replicas may start at the same time
	first := contents(t, dir)
	again, err := MakeHostKeys(dir)
	check(t, err)
	if diff := cmp.Diff(paths, again); diff != "" {
		t.Errorf("paths of the second start differ:\n%s", diff)
	}
	if diff := cmp.Diff(first, contents(t, dir)); diff != "" {
		t.Errorf("the second start changed the files:\n%s", diff)
	}
	keys, err := LoadHostKeys([]string{paths[1], paths[0]})
	check(t, err)
	for i, f := range Fingerprints(keys) {
		if want := []string{ssh.KeyAlgoED25519, ssh.KeyAlgoRSA}[i]; f.Algorithm != want {
			t.Errorf("key %d is of type %s, want %s", i, f.Algorithm, want)
		}
		shown := must(t, "ssh-keygen", "-l", "-f", paths[i])
		if !strings.Contains(shown, f.SHA256) {
			t.Errorf("ssh-keygen shows %s, want %s", shown, f.SHA256)
		}
	}
	if bits := plain(t, keys[1].PublicKey()).Bits(); bits != 3072 {
		t.Errorf("the RSA key has %d bits, want 3072", bits)
	}
}

// racers makes host keys in several goroutines at once.
func racers(t *testing.T, dir string, n int) (paths []string) {
	t.Helper()
	var racing sync.WaitGroup
	var mu sync.Mutex // guards paths
	for range n {
		racing.Go(func() {
			p, err := MakeHostKeys(dir)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			paths = p
		})
	}
	racing.Wait()
	return paths
}

func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	check(t, err)
	out := map[string]string{}
	for _, e := range entries {
		info, err := e.Info()
		check(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", e.Name(), info.Mode())
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		check(t, err)
		out[e.Name()] = string(text)
	}
	if len(out) != 2 {
		t.Errorf("%d files, want 2 and nothing left over", len(out))
	}
	return out
}

func TestMakeHostKeysWhereItCannot(t *testing.T) {
	t.Parallel()
	if _, err := MakeHostKeys(filepath.Join(t.TempDir(), "missing")); err == nil {
		t.Error("MakeHostKeys in a directory that is not there succeeds")
	}
}

func TestLoadHostKeysRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good := string(pemOf(t, ed25519Key()))
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	check(t, err)
	locked, err := ssh.MarshalPrivateKeyWithPassphrase(ed25519Key(), "", []byte("x"))
	check(t, err)
	for _, c := range []struct {
		name, text, want string
		mode             os.FileMode
	}{
		{"group may read", good, "others may read it", 0o640},
		{"world may read", good, "others may read it", 0o604},
		{"passphrase", string(pem.EncodeToMemory(locked)), "passphrase", 0o600},
		{"small RSA", string(pemOf(t, small)), "at least 2048 are needed", 0o600},
		{"no key", "hello", "no key found", 0o600},
		{"too long", strings.Repeat("x", 1<<17), "too many", 0o600},
		{"a public key", string(ssh.MarshalAuthorizedKey(freshKey().PublicKey())), "no key found", 0o600},
	} {
		path := filepath.Join(dir, c.name)
		writeFile(t, path, c.text)
		check(t, os.Chmod(path, c.mode))
		_, err := LoadHostKeys([]string{path})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: LoadHostKeys = %v, want an error with %q and the path", c.name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("%s: the error shows the key: %v", c.name, err)
		}
	}
	for name, path := range map[string]string{"missing": filepath.Join(dir, "no"), "a directory": dir} {
		if _, err := LoadHostKeys([]string{path}); err == nil {
			t.Errorf("%s: LoadHostKeys succeeds", name)
		}
	}
}

func TestLoadHostKeysOrder(t *testing.T) {
	t.Parallel()
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	big, err := rsa.GenerateKey(rand.Reader, 2048)
	check(t, err)
	var paths []string
	for name, key := range map[string]crypto.PrivateKey{"rsa": big, "ecdsa": curve, "ed25519": ed25519Key()} {
		path := filepath.Join(t.TempDir(), name)
		writeFile(t, path, string(pemOf(t, key)))
		paths = append(paths, path)
	}
	keys, err := LoadHostKeys(paths)
	check(t, err)
	var got []string
	for _, f := range Fingerprints(keys) {
		got = append(got, f.Algorithm)
	}
	if diff := cmp.Diff([]string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoRSA}, got); diff != "" {
		t.Errorf("order of host keys differs:\n%s", diff)
	}
}

func TestDSAHostKeyIsRefused(t *testing.T) {
	t.Parallel()
	var weak dsa.PrivateKey
	check(t, dsa.GenerateParameters(&weak.Parameters, rand.Reader, dsa.L1024N160))
	check(t, dsa.GenerateKey(&weak, rand.Reader))
	if err := checkHostKey(signer(&weak)); err == nil {
		t.Error("a DSA host key is taken")
	}
}
