package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
)

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

// newEd25519 makes a public key of the kind that clients make by default.
func newEd25519() string { return line("ssh-ed25519", random(32)) }

// newPair makes a key of which the vault gets both halves.
func newPair() (private, public string) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err) // only without randomness
	}
	block, err := ssh.MarshalPrivateKey(key, "deploy@web-01")
	if err != nil {
		panic(err) // only for other kinds of key
	}
	half := key.Public().(ed25519.PublicKey)
	return string(pem.EncodeToMemory(block)), line("ssh-ed25519", half)
}
