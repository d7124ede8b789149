package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"keyrack/test/rig"
)

// world is what rows ask for.
type world struct {
	owners int
	keys   []key // some of those there are
}

// key is what is known of one.
type key struct {
	Fingerprint string `json:"fingerprint"`
	ID          string `json:"id"`
}

// load makes the world and imports the keys, which is the first row.
func (o options) load(ctx context.Context, p rig.Program, r *report) (w world, err error) {
	if _, err := p.Must(ctx, people, "apply", "-f", "-"); err != nil {
		return w, err
	}
	path := filepath.Join(p.Dir, "keys")
	if err := writeKeys(path, o.keys); err != nil {
		return w, err
	}
	begun := time.Now()
	if _, err := p.Must(ctx, "", "key", "import", path, "--make-owners"); err != nil {
		return w, err
	}
	took := time.Since(begun)
	r.say("Import of %d keys with revisions, evidence and audit: %s, %.0f keys/s.", o.keys, took.Round(time.Millisecond),
		float64(o.keys)/took.Seconds())
	s, err := p.Serve()
	if err != nil {
		return w, err
	}
	r.say("Start to ready with %d keys: %s.\n", o.keys, s.Started.Round(time.Millisecond))
	s.Stop()
	w.owners = max(1, o.keys/10)
	out, err := p.Must(ctx, "", "key", "list", "--limit", "2000", "--offset", fmt.Sprint(max(0, o.keys/2-1000)), "--json")
	if err != nil {
		return w, err
	}
	return w, json.Unmarshal([]byte(out), &w.keys)
}

// writeKeys writes an authorized_keys file: seven in ten Ed25519, a quarter RSA
// of 3072 bits, the rest ECDSA.
func writeKeys(path string, n int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(f, 1<<20)
	for i := range n {
		line, err := newKey(i)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(out, "%s u%d@host%d\n", line, i/10, i%10) // Flush tells of the first error
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// newKey makes a public key that nobody holds, which takes no time: what stands
// in it is as good as random.
func newKey(i int) (string, error) {
	switch i % 20 {
	case 0:
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return "", err
		}
		public, err := ssh.NewPublicKey(private.Public())
		if err != nil {
			return "", err
		}
		return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public))), nil
	case 1, 6, 11, 16, 18:
		return line("ssh-rsa", big.NewInt(65537).Bytes(), append([]byte{0}, newModulus()...)), nil
	default:
		return line("ssh-ed25519", random(32)), nil
	}
}

// smallPrimes is the product of all primes below 1000.
var smallPrimes = func() *big.Int {
	product := big.NewInt(1)
	for n := int64(2); n < 1000; n++ {
		if p := big.NewInt(n); p.ProbablyPrime(0) {
			product.Mul(product, p)
		}
	}
	return product
}()

// newModulus makes a number that looks like the product of two large primes to
// those who look for small ones.
func newModulus() []byte {
	modulus := random(384)
	modulus[0] |= 0x80
	modulus[383] |= 1
	n, two, rest := new(big.Int).SetBytes(modulus), big.NewInt(2), new(big.Int)
	for rest.GCD(nil, nil, n, smallPrimes).Cmp(big.NewInt(1)) != 0 {
		n.Add(n, two)
	}
	return n.Bytes()
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = io.ReadFull(rand.Reader, b) // never fails
	return b
}

// line is a public key of wire parts (RFC 4253, 6.6).
func line(algorithm string, parts ...[]byte) string {
	blob := binary.BigEndian.AppendUint32(nil, uint32(len(algorithm)))
	blob = append(blob, algorithm...)
	for _, part := range parts {
		blob = binary.BigEndian.AppendUint32(blob, uint32(len(part)))
		blob = append(blob, part...)
	}
	return algorithm + " " + base64.StdEncoding.EncodeToString(blob)
}
