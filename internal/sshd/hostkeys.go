package sshd

import (
	"cmp"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/crypto/ssh"

	"keyrack/internal/sshkey"
)

const (
	madeRSABits    = 3072 // NIST SP 800-57: good beyond 2030
	maxHostKeyFile = 64 << 10
)

// MakeHostKeys makes an Ed25519 and an RSA host key in dir, where they are
// missing, and returns the paths of both. A key that is there is never
// written to: clients would take us for somebody else.
func MakeHostKeys(dir string) ([]string, error) {
	makers := []struct {
		file string
		make func() (crypto.PrivateKey, error)
	}{
		{"ssh_host_ed25519_key", func() (crypto.PrivateKey, error) {
			_, key, err := ed25519.GenerateKey(rand.Reader)
			return key, err
		}},
		{"ssh_host_rsa_key", func() (crypto.PrivateKey, error) {
			return rsa.GenerateKey(rand.Reader, madeRSABits)
		}},
	}
	var paths []string
	for _, m := range makers {
		path := filepath.Join(dir, m.file)
		if err := makeHostKey(path, m.make); err != nil {
			return nil, fmt.Errorf("make host key %s: %w", path, err)
		}
		paths = append(paths, path)
	}
	return paths, nil
}

func makeHostKey(path string, generate func() (crypto.PrivateKey, error)) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	key, err := generate()
	if err != nil {
		return err
	}
	block, err := ssh.MarshalPrivateKey(key, "keyrack host key")
	if err != nil {
		return err
	}
	return writeNew(path, pem.EncodeToMemory(block))
}

// writeNew writes a file that appears whole or not at all, and never instead
// of another: if one has appeared meanwhile, that one stays.
func writeNew(path string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// LoadHostKeys reads host keys, Ed25519 first: an RSA signature costs the
// server a hundred times as much. Files that others may read are refused.
func LoadHostKeys(paths []string) ([]ssh.Signer, error) {
	var keys []ssh.Signer
	for _, path := range paths {
		key, err := loadHostKey(path)
		if err != nil {
			return nil, fmt.Errorf("load host key %s: %w", path, err)
		}
		keys = append(keys, key)
	}
	slices.SortStableFunc(keys, func(a, b ssh.Signer) int {
		return cmp.Compare(hostKeyRank(a), hostKeyRank(b))
	})
	return keys, nil
}

func hostKeyRank(key ssh.Signer) int {
	switch key.PublicKey().Type() {
	case ssh.KeyAlgoED25519:
		return 0
	case ssh.KeyAlgoRSA:
		return 2
	}
	return 1
}

func loadHostKey(path string) (ssh.Signer, error) {
	text, err := readPrivate(path)
	if err != nil {
		return nil, err
	}
	key, err := ssh.ParsePrivateKey(text)
	if _, locked := errors.AsType[*ssh.PassphraseMissingError](err); locked {
		return nil, errors.New("it is locked with a passphrase; remove it with ssh-keygen -p")
	}
	if err != nil {
		return nil, err
	}
	return key, checkHostKey(key)
}

// readPrivate reads a small regular file that nobody but its owner can read.
func readPrivate(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file")
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("its mode is %04o: others may read it; change it with chmod 600", info.Mode().Perm())
	case info.Size() > maxHostKeyFile:
		return nil, fmt.Errorf("it has %d bytes, too many for a key", info.Size())
	}
	return io.ReadAll(io.LimitReader(f, maxHostKeyFile))
}

// checkHostKey holds a key made elsewhere to what we ask of people's keys.
func checkHostKey(key ssh.Signer) error {
	public, err := sshkey.FromSSH(key.PublicKey())
	if err != nil {
		return err
	}
	return sshkey.Policy{}.Judge(public)
}

// withoutSHA1 makes RSA host keys sign with SHA-2 alone.
func withoutSHA1(keys []ssh.Signer) ([]ssh.Signer, error) {
	out := slices.Clone(keys)
	for i, key := range keys {
		signer, ok := key.(ssh.AlgorithmSigner)
		if !ok || key.PublicKey().Type() != ssh.KeyAlgoRSA {
			continue
		}
		var err error
		out[i], err = ssh.NewSignerWithAlgorithms(signer, []string{ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA512})
		if err != nil {
			return nil, fmt.Errorf("restrict RSA host key to SHA-2: %w", err)
		}
	}
	return out, nil
}

// firstOfType leaves out keys of a type that another one before them has: a key
// exchange has room for one.
func firstOfType(keys []ssh.Signer) []ssh.Signer {
	seen := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(keys), func(key ssh.Signer) bool {
		again := seen[key.PublicKey().Type()]
		seen[key.PublicKey().Type()] = true
		return again
	})
}

// Fingerprint names a host key, for people to compare with what their client shows.
type Fingerprint struct {
	Algorithm string // as in known_hosts, "ssh-ed25519"
	SHA256    string // as ssh-keygen -l prints it
}

// Fingerprints gives those of host keys, in their order.
func Fingerprints(keys []ssh.Signer) []Fingerprint {
	var out []Fingerprint
	for _, key := range keys {
		out = append(out, Fingerprint{key.PublicKey().Type(), ssh.FingerprintSHA256(key.PublicKey())})
	}
	return out
}
