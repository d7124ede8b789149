package sshkey

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strings"

	"golang.org/x/crypto/ssh"
)

// MaxWire bounds a key blob. RFC 4253, section 6.1, asks implementations for no
// more than 32768 bytes of payload in a packet, so nothing larger can be
// offered in a login. An RSA key of 16384 bits has 2 KiB.
const MaxWire = 32 << 10

// FromWire reads a key blob as it stands on the wire (RFC 4253, section 6.6)
// or in the database. A certificate is unwrapped to the key it certifies. The
// error is an [*Error].
func FromWire(blob []byte) (PublicKey, error) {
	key, _, err := decode(blob)
	return key, err
}

// Stored reads a key blob that [FromWire] has accepted before, as one in the
// database was. It looks at the form alone, and not again at the numbers in it,
// which takes ten times as long.
func Stored(blob []byte) (PublicKey, error) {
	wire := string(blob)
	name, content, _ := cut(wire)
	var err error
	if t := typeNamed(name); t != nil {
		err = t.checkForm(content)
	} else {
		err = checkOpaque(name, content)
	}
	if err != nil {
		return PublicKey{}, err
	}
	return PublicKey{wire: wire}, nil
}

// FromSSH converts a key of x/crypto/ssh, such as a client offers. A
// certificate gives the key it certifies; whether the certificate itself holds
// is not asked here. The error is an [*Error].
func FromSSH(key ssh.PublicKey) (PublicKey, error) {
	if cert, ok := key.(*ssh.Certificate); ok {
		key = cert.Key
	}
	if key == nil {
		return PublicKey{}, fail(CodeEmpty, "no key given")
	}
	return FromWire(key.Marshal())
}

// decode reads a blob and, if it is one, the certificate around the key.
func decode(blob []byte) (PublicKey, *Certificate, error) {
	if len(blob) > MaxWire {
		return PublicKey{}, nil, fail(CodeTooLong,
			"key data has %d bytes; no SSH packet carries more than %d", len(blob), MaxWire)
	}
	wire := string(blob)
	name, content, ok := cut(wire)
	if !ok {
		return PublicKey{}, nil, fail(CodeTruncated, "key data ends before its type name; copy the whole key")
	}
	if isCertificateName(name) {
		return decodeCertificate(name, blob)
	}
	var err error
	if t := typeNamed(name); t != nil {
		err = checkKnown(t, content, blob)
	} else {
		err = checkOpaque(name, content)
	}
	if err != nil {
		return PublicKey{}, nil, err
	}
	return PublicKey{wire: wire}, nil, nil
}

// checkKnown asks for the exact form first, so that each fault has its own
// error, and then leaves the decision to x/crypto/ssh.
func checkKnown(t *keyType, content string, blob []byte) error {
	if err := t.checkForm(content); err != nil {
		return err
	}
	parsed, err := ssh.ParsePublicKey(blob)
	if err != nil {
		return t.refused
	}
	if !bytes.Equal(parsed.Marshal(), blob) {
		return fail(CodeMalformed, "this %s key is not written in the usual way; export it anew", t.name)
	}
	return nil
}

// checkOpaque lets a key of an unknown type pass if its name can be one.
func checkOpaque(name, content string) error {
	if err := checkTypeName(name); err != nil {
		return err
	}
	if content == "" {
		return fail(CodeTruncated, "key data ends after its type name; copy the whole key")
	}
	return nil
}

// cut takes the first string (RFC 4251, section 5: length, then bytes) off
// wire data.
func cut(wire string) (head, rest string, ok bool) {
	if len(wire) < 4 {
		return "", "", false
	}
	n := binary.BigEndian.Uint32([]byte(wire[:4]))
	if int64(n) > int64(len(wire)-4) {
		return "", "", false
	}
	return wire[4 : 4+n], wire[4+n:], true
}

// part returns the i-th string of wire data.
func part(wire string, i int) string {
	head, rest, _ := cut(wire)
	for ; i > 0; i-- {
		head, rest, _ = cut(rest)
	}
	return head
}

// checkInteger holds a part to RFC 4251, section 5, mpint: the shortest two's
// complement form. All integers in keys are positive.
func checkInteger(mpint string) error {
	switch {
	case mpint == "":
		return fail(CodeNumber, "a number in the key is zero")
	case mpint[0]&0x80 != 0:
		return fail(CodeNumber, "a number in the key is negative")
	case mpint[0] == 0 && (len(mpint) == 1 || mpint[1]&0x80 == 0):
		return fail(CodeNumber, "a number in the key has needless zero bytes in front")
	}
	return nil
}

// bitLen returns the length in bits of an mpint that checkInteger let pass.
func bitLen(mpint string) int {
	digits := strings.TrimLeft(mpint, "\x00")
	return 8*len(digits) - bits.LeadingZeros8(digits[0])
}

// isOdd reports whether an mpint that checkInteger let pass is odd.
func isOdd(mpint string) bool { return mpint[len(mpint)-1]&1 == 1 }
