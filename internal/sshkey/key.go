package sshkey

import (
	"crypto"
	"encoding/base64"
	"strings"

	"golang.org/x/crypto/ssh"
)

// PublicKey is a well-formed SSH public key. It is immutable and valid by
// construction: the ways to get one are [Parse], [FromWire] and [FromSSH], and
// [Stored] for what one of these has let in. The zero value is no key, see
// [PublicKey.IsZero]; its methods give zero values.
//
// All it holds is the wire form, from which everything else is read when asked
// for. So a key costs the memory of its bytes, and == compares keys as Equal
// does: a PublicKey can be the key of a map.
type PublicKey struct {
	wire string // RFC 4253, section 6.6; as decode accepted it
}

// IsZero reports whether k is no key.
func (k PublicKey) IsZero() bool { return k.wire == "" }

// Equal reports whether both are the same key, byte by byte on the wire.
// Comments and the form a key came in are no part of it.
func (k PublicKey) Equal(o PublicKey) bool { return k == o }

// Algorithm returns the key type as it stands in the key (RFC 4253, section
// 6.6), such as "ssh-ed25519" or "sk-ssh-ed25519@openssh.com", or the name of
// a type this package does not know. It is never a certificate's type.
func (k PublicKey) Algorithm() string {
	name, _, _ := cut(k.wire)
	return name
}

// Blob returns a copy of the wire form, the bytes fingerprints are made of.
func (k PublicKey) Blob() []byte { return []byte(k.wire) }

// String returns the normalised text: type and base64 as in a line of
// authorized_keys, without options, comment or newline.
func (k PublicKey) String() string {
	if k.IsZero() {
		return ""
	}
	return string(k.Append(nil))
}

// Append appends what [PublicKey.String] returns, of a key that is one.
func (k PublicKey) Append(b []byte) []byte {
	return base64.StdEncoding.AppendEncode(append(append(b, k.Algorithm()...), ' '), []byte(k.wire))
}

// Bits returns the size that ssh-keygen -l prints: the bits of an RSA modulus
// or a DSA prime, of the curve of an ECDSA key, 256 for Ed25519. It is 0 for
// types this package does not know.
func (k PublicKey) Bits() int {
	name, rest, _ := cut(k.wire)
	t := typeNamed(name)
	switch {
	case t == nil:
		return 0
	case t.bits != 0:
		return t.bits
	default:
		return bitLen(part(rest, t.sized))
	}
}

// Length returns what Foreman calls the length of a key: eight times the bytes
// of the public value without leading zero bytes, which is the last part of
// the blob. For RSA that is the size rounded up to bytes, for a nistp256 key
// 520, and for an Ed25519 key that begins with a zero byte 248 (measured with
// sshkey 2.0.0, the library Foreman uses).
//
// That library does not know hardware keys. Their last part is the
// application, which says nothing, so the point before it is measured. For
// types we do not know it is the last part, or all of the content if that is
// no sequence of parts.
func (k PublicKey) Length() int {
	return 8 * len(strings.TrimLeft(k.value(), "\x00"))
}

// value returns the part that holds the public value.
func (k PublicKey) value() string {
	name, rest, _ := cut(k.wire)
	if t := typeNamed(name); t != nil {
		return part(rest, t.value)
	}
	last := rest
	for tail := rest; tail != ""; {
		var ok bool
		if last, tail, ok = cut(tail); !ok {
			return rest
		}
	}
	return last
}

// CryptoPublicKey returns the key as crypto packages want it: an
// *rsa.PublicKey, *dsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey. Of a
// hardware key it is the inner key, without the application. It is false for
// types this package does not know.
func (k PublicKey) CryptoPublicKey() (crypto.PublicKey, bool) {
	if typeNamed(k.Algorithm()) == nil {
		return nil, false
	}
	parsed, err := ssh.ParsePublicKey([]byte(k.wire))
	holder, ok := parsed.(ssh.CryptoPublicKey)
	if err != nil || !ok {
		return nil, false
	}
	return holder.CryptoPublicKey(), true
}
