package sshkey

import (
	"crypto"
	"crypto/dsa" //nolint:staticcheck // DSA keys are shown, never used
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"strings"

	"golang.org/x/crypto/ssh"
)

const (
	beginPEM = "-----BEGIN "
	pemPKIX  = "PUBLIC KEY"
	pemPKCS1 = "RSA PUBLIC KEY"
)

// parsePEM reads one PEM block with a SubjectPublicKeyInfo or a PKCS#1 key.
func parsePEM(text string) (Line, error) {
	if strings.Count(text, beginPEM) > 1 {
		return Line{}, fail(CodeSeveral, "there is more than one PEM block; send one key")
	}
	block, after := pem.Decode([]byte(text))
	switch {
	case block == nil:
		return Line{}, fail(CodePEM, "the PEM block is damaged; copy all of it, with its first and last line")
	case len(after) > 0:
		return Line{}, fail(CodeTrailing, "something follows after the PEM block; send the block alone")
	case len(block.Headers) > 0:
		return Line{}, fail(CodePEM, "the PEM block has headers, which no public key has; export the key anew")
	}
	key, form, err := decodePEM(block)
	if err != nil {
		return Line{}, err
	}
	return Line{Key: key, Form: form}, nil
}

func decodePEM(block *pem.Block) (PublicKey, Form, error) {
	var (
		form Form
		pub  crypto.PublicKey
		err  error
	)
	switch block.Type {
	case pemPKIX:
		form = FormPKIX
		pub, err = x509.ParsePKIXPublicKey(block.Bytes)
	case pemPKCS1:
		form = FormPKCS1
		pub, err = x509.ParsePKCS1PublicKey(block.Bytes)
	default:
		return PublicKey{}, 0, fail(CodePEM, "the PEM block is a %s, not a public key; send the key as one OpenSSH line", quote(block.Type))
	}
	if err != nil {
		return PublicKey{}, 0, fail(CodePEM, "the %s in the PEM block cannot be read; export it anew", block.Type)
	}
	key, err := fromCrypto(pub)
	return key, form, err
}

// fromCrypto converts a key of the crypto packages.
func fromCrypto(pub crypto.PublicKey) (PublicKey, error) {
	key, err := ssh.NewPublicKey(pub)
	if err != nil {
		return PublicKey{}, fail(CodePEM, "SSH has no keys of the kind in this PEM block; make an ssh-ed25519 key instead")
	}
	return FromSSH(key)
}

// PEM returns the key as PEM of a SubjectPublicKeyInfo (RFC 5280, section
// 4.1), with a newline at its end. Of a hardware key it is the inner key: the
// form has no place for the application. It is false for types this package
// does not know.
func (k PublicKey) PEM() (string, bool) {
	pub, ok := k.CryptoPublicKey()
	if !ok {
		return "", false
	}
	der, err := marshalPKIX(pub)
	if err != nil {
		return "", false
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: pemPKIX, Bytes: der})), true
}

func marshalPKIX(pub crypto.PublicKey) ([]byte, error) {
	if pub, ok := pub.(*dsa.PublicKey); ok {
		return marshalDSA(pub)
	}
	return x509.MarshalPKIXPublicKey(pub)
}

// oidDSA is id-dsa of RFC 3279, section 2.3.2.
var oidDSA = asn1.ObjectIdentifier{1, 2, 840, 10040, 4, 1}

// marshalDSA writes what crypto/x509 reads but no longer writes, as in RFC
// 3279, section 2.3.2.
func marshalDSA(pub *dsa.PublicKey) ([]byte, error) {
	parameters, err := asn1.Marshal(struct{ P, Q, G *big.Int }{pub.P, pub.Q, pub.G})
	if err != nil {
		return nil, err
	}
	value, err := asn1.Marshal(pub.Y)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}{
		pkix.AlgorithmIdentifier{Algorithm: oidDSA, Parameters: asn1.RawValue{FullBytes: parameters}},
		asn1.BitString{Bytes: value, BitLength: 8 * len(value)},
	})
}
