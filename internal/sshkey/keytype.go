package sshkey

import (
	"crypto/ed25519"
	"strings"

	"golang.org/x/crypto/ssh"
)

// keyType describes a key type this package knows.
type keyType struct {
	name string
	// parts has a letter for each part of the blob after the name: n for an
	// integer, s for a string.
	parts string
	// value is the part with the public value, see PublicKey.Length.
	value int
	// bits is the size ssh-keygen prints; if 0 it is that of part sized.
	bits, sized int
	// check looks into the parts; nil if their form is all there is to check.
	check func(content string) error
	// refused is the error if x/crypto/ssh refuses what passed all of this.
	refused error
}

var (
	errPoint = fail(CodePoint, "the ECDSA key is not an uncompressed point on its curve; copy or export it anew")
	errDSA   = fail(CodeDSA, "the DSA key's parameters are not those of a 1024-bit SSH key; make an ssh-ed25519 key instead")
	errKey   = fail(CodeMalformed, "the key is malformed; copy or export it anew")
)

// The names are spelt out because x/crypto/ssh marks its constant for DSA as
// deprecated; TestKnownTypesMatchLibrary compares them with OpenSSH's.
const (
	typeEd25519   = "ssh-ed25519"
	typeSKEd25519 = "sk-ssh-ed25519@openssh.com"
	typeSKECDSA   = "sk-ecdsa-sha2-nistp256@openssh.com"
	typeRSA       = "ssh-rsa"
	typeDSA       = "ssh-dss"
)

// keyTypes are the types known here, in the order one would recommend them.
// Sources of the layouts: RFC 8709, section 4 (Ed25519); RFC 5656, section 3.1
// (ECDSA); RFC 4253, section 6.6 (RSA, DSA); OpenSSH's PROTOCOL.u2f (sk-).
//
// A type is listed here when x/crypto/ssh reads it under each Go version this
// module supports. ML-DSA needs Go 1.27 and is kept opaque until then.
var keyTypes = []*keyType{
	{name: typeEd25519, parts: "s", bits: 256, check: checkEd25519, refused: errKey},
	{name: typeSKEd25519, parts: "ss", bits: 256, check: checkSKEd25519, refused: errKey},
	{name: ssh.KeyAlgoECDSA256, parts: "ss", value: 1, bits: 256, check: checkP256, refused: errPoint},
	{name: ssh.KeyAlgoECDSA384, parts: "ss", value: 1, bits: 384, check: checkECDSA("nistp384"), refused: errPoint},
	{name: ssh.KeyAlgoECDSA521, parts: "ss", value: 1, bits: 521, check: checkECDSA("nistp521"), refused: errPoint},
	{name: typeSKECDSA, parts: "sss", value: 1, bits: 256, check: checkSKECDSA, refused: errPoint},
	{name: typeRSA, parts: "nn", value: 1, sized: 1, check: checkRSA, refused: errKey},
	{name: typeDSA, parts: "nnnn", value: 3, sized: 0, refused: errDSA},
}

// signatureNames are names of signature algorithms which people take for key
// types, with the type that is meant. OpenSSH itself reads them as such.
var signatureNames = map[string]string{
	ssh.KeyAlgoRSASHA256:                                   typeRSA,
	ssh.KeyAlgoRSASHA512:                                   typeRSA,
	ssh.CertAlgoRSASHA256v01:                               ssh.CertAlgoRSAv01,
	ssh.CertAlgoRSASHA512v01:                               ssh.CertAlgoRSAv01,
	"webauthn-sk-ecdsa-sha2-nistp256@openssh.com":          typeSKECDSA,
	"webauthn-sk-ecdsa-sha2-nistp256-cert-v01@openssh.com": ssh.CertAlgoSKECDSA256v01,
}

// KnownTypes lists the key types this package can look into, in the order one
// would recommend them, ssh-dss last.
func KnownTypes() []string {
	names := make([]string, len(keyTypes))
	for i, t := range keyTypes {
		names[i] = t.name
	}
	return names
}

// typeNamed returns the known type of that name or nil.
func typeNamed(name string) *keyType {
	for _, t := range keyTypes {
		if t.name == name {
			return t
		}
	}
	return nil
}

// maxTypeName is from RFC 4251, section 6.
const maxTypeName = 64

// checkTypeName says whether name can be the name of a key type.
func checkTypeName(name string) error {
	if meant, ok := signatureNames[name]; ok {
		return fail(CodeTypeName, "%q is a signature algorithm; the type of such a key is %q", name, meant)
	}
	if !isTypeName(name) {
		return fail(CodeTypeName, "%s is not the name of a key type; expected one such as \"ssh-ed25519\"", quote(name))
	}
	return nil
}

// isTypeName follows RFC 4251, section 6: at most 64 printable characters, no
// comma, at most one @ and that before a domain. Of the printable ones only
// letters, digits and "+-._" pass, the first a letter or a digit, as in every
// name in use: the name stands first on a line of authorized_keys, where
// quotes, = and # have a meaning of their own.
func isTypeName(name string) bool {
	local, domain, hasDomain := strings.Cut(name, "@")
	return len(name) <= maxTypeName && isNameWord(local) && (!hasDomain || isNameWord(domain))
}

func isNameWord(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		case i > 0 && strings.IndexByte("+-._", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}

// checkForm takes the content of a key, which is the blob after its name,
// apart into the parts of the type.
func (t *keyType) checkForm(content string) error {
	rest := content
	for _, kind := range t.parts {
		head, tail, ok := cut(rest)
		if !ok {
			return fail(CodeTruncated, "the %s key is cut off; copy the whole key", t.name)
		}
		if kind == 'n' {
			if err := checkInteger(head); err != nil {
				return err
			}
		}
		rest = tail
	}
	if rest != "" {
		return fail(CodeTrailing, "%d bytes follow after the end of the %s key; copy just the key", len(rest), t.name)
	}
	if t.check == nil {
		return nil
	}
	return t.check(content)
}

func checkEd25519(content string) error {
	if n := len(part(content, 0)); n != ed25519.PublicKeySize {
		return fail(CodeKeyLength, "the Ed25519 key has %d bytes instead of %d; copy the whole key", n, ed25519.PublicKeySize)
	}
	return nil
}

func checkSKEd25519(content string) error {
	if err := checkEd25519(content); err != nil {
		return err
	}
	return checkApplication(part(content, 1))
}

// checkECDSA checks the curve's name; that the point is on it, and not in one
// of the forms OpenSSH does not take, is left to x/crypto/ssh.
func checkECDSA(curve string) func(content string) error {
	return func(content string) error {
		if name := part(content, 0); name != curve {
			return fail(CodeCurve, "the key's type is for the curve %s, but its curve is called %s", curve, quote(name))
		}
		return nil
	}
}

var checkP256 = checkECDSA("nistp256")

func checkSKECDSA(content string) error {
	if err := checkP256(content); err != nil {
		return err
	}
	return checkApplication(part(content, 2))
}

// checkApplication refuses what OpenSSH cannot hold in a C string.
func checkApplication(application string) error {
	if strings.IndexByte(application, 0) >= 0 {
		return fail(CodeMalformed, "the hardware key's application contains a NUL byte; export it anew")
	}
	return nil
}

// Limits of RSA keys, those of x/crypto/ssh: ssh-keygen makes none larger, and
// one verification with 16384 bits takes milliseconds.
const (
	maxModulusBits  = 16384
	maxExponentBits = 24
)

func checkRSA(content string) error {
	exponent, modulus := part(content, 0), part(content, 1)
	switch {
	case bitLen(modulus) > maxModulusBits:
		return fail(CodeModulus, "the RSA key has %d bits; at most %d are taken", bitLen(modulus), maxModulusBits)
	case bitLen(exponent) > maxExponentBits:
		return fail(CodeExponent, "the RSA exponent has %d bits; at most %d are taken", bitLen(exponent), maxExponentBits)
	case !isOdd(exponent) || exponent == "\x01":
		return fail(CodeExponent, "the RSA exponent is even or 1, so the key is damaged or a forgery; make a new one")
	}
	return nil
}
