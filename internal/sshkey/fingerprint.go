package sshkey

import (
	"bytes"
	"crypto/md5" // #nosec G501 -- the products we speak for show MD5; nothing is decided by it
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// MD5 is a key's MD5 fingerprint. It is for display: two keys with one MD5 can
// be made on purpose, so nothing may be decided by it.
type MD5 [md5.Size]byte

// SHA256 is a key's SHA-256 fingerprint, the one that names a key.
type SHA256 [sha256.Size]byte

// SHA512 is a key's SHA-512 fingerprint.
type SHA512 [sha512.Size]byte

// MD5 returns the MD5 of the wire form. Where GODEBUG=fips140=only forbids MD5
// it panics, so a program that runs so must not show MD5.
func (k PublicKey) MD5() MD5 {
	return md5.Sum([]byte(k.wire)) // #nosec G401 -- see the import
}

// SHA256 returns the SHA-256 of the wire form.
func (k PublicKey) SHA256() SHA256 { return sha256.Sum256([]byte(k.wire)) }

// SHA512 returns the SHA-512 of the wire form.
func (k PublicKey) SHA512() SHA512 { return sha512.Sum512([]byte(k.wire)) }

// String returns the spelling of ssh-keygen and SSHVerify: "MD5:aa:bb:…".
func (f MD5) String() string { return prefixMD5 + f.Bare() }

// Bare returns the spelling of RFC 4716, section 4, which Raidboxes and Waldur
// use: lower-case hex pairs with colons, no prefix.
func (f MD5) Bare() string { return colonHex(f[:]) }

// AppendBare appends what [MD5.Bare] returns.
func (f MD5) AppendBare(b []byte) []byte { return appendColonHex(b, f[:]) }

// String returns ssh-keygen's spelling: "SHA256:" and base64 without padding.
func (f SHA256) String() string { return prefixSHA256 + base64.RawStdEncoding.EncodeToString(f[:]) }

// Append appends what [SHA256.String] returns.
func (f SHA256) Append(b []byte) []byte {
	return base64.RawStdEncoding.AppendEncode(append(b, prefixSHA256...), f[:])
}

// Padded returns Foreman's spelling: base64 with padding, no prefix.
func (f SHA256) Padded() string { return base64.StdEncoding.EncodeToString(f[:]) }

// String returns the spelling of ssh-keygen and Waldur: "SHA512:" and base64
// without padding.
func (f SHA512) String() string { return prefixSHA512 + base64.RawStdEncoding.EncodeToString(f[:]) }

// Append appends what [SHA512.String] returns.
func (f SHA512) Append(b []byte) []byte {
	return base64.RawStdEncoding.AppendEncode(append(b, prefixSHA512...), f[:])
}

const (
	prefixMD5    = "MD5:"
	prefixSHA256 = "SHA256:"
	prefixSHA512 = "SHA512:"
)

func colonHex(sum []byte) string { return string(appendColonHex(nil, sum)) }

func appendColonHex(b, sum []byte) []byte {
	const digits = "0123456789abcdef"
	for i, c := range sum {
		if i > 0 {
			b = append(b, ':')
		}
		b = append(b, digits[c>>4], digits[c&15])
	}
	return b
}

// Hash is a hash function that fingerprints are made with.
type Hash uint8

// The hash functions in use.
const (
	HashMD5 Hash = iota + 1
	HashSHA256
	HashSHA512
)

// String returns the name as it stands before the colon of a fingerprint.
func (h Hash) String() string {
	switch h {
	case HashMD5:
		return "MD5"
	case HashSHA256:
		return "SHA256"
	case HashSHA512:
		return "SHA512"
	default:
		return "unknown hash"
	}
}

// Fingerprint is a fingerprint somebody asks for, see [ParseFingerprint].
type Fingerprint struct {
	Hash Hash
	Sum  []byte
}

// Equal reports whether both are the same fingerprint.
func (f Fingerprint) Equal(o Fingerprint) bool {
	return f.Hash == o.Hash && bytes.Equal(f.Sum, o.Sum)
}

// String returns the spelling of ssh-keygen -l.
func (f Fingerprint) String() string {
	if f.Hash == HashMD5 {
		return prefixMD5 + colonHex(f.Sum)
	}
	return f.Hash.String() + ":" + base64.RawStdEncoding.EncodeToString(f.Sum)
}

// ParseFingerprint reads a fingerprint in any spelling the faces use: with
// prefix (MD5:, SHA256:, SHA512:), hex pairs with colons alone (MD5), base64
// alone (SHA-256); base64 with or without padding. Prefixes are exact, hex
// digits may be upper case. The error is an [*Error].
func ParseFingerprint(text string) (Fingerprint, error) {
	f, ok := readFingerprint(text)
	if !ok {
		return Fingerprint{}, fail(CodeFingerprint, "%s is not a fingerprint; expected SHA256: and 43 characters of base64, "+
			"SHA512: and 86, or 16 pairs of hex digits with colons", quote(text))
	}
	return f, nil
}

func readFingerprint(text string) (Fingerprint, bool) {
	if rest, ok := strings.CutPrefix(text, prefixMD5); ok {
		return readHex(rest)
	}
	if rest, ok := strings.CutPrefix(text, prefixSHA256); ok {
		return readBase64(HashSHA256, rest, sha256.Size)
	}
	if rest, ok := strings.CutPrefix(text, prefixSHA512); ok {
		return readBase64(HashSHA512, rest, sha512.Size)
	}
	if strings.Contains(text, ":") {
		return readHex(text)
	}
	return readBase64(HashSHA256, text, sha256.Size)
}

func readHex(text string) (Fingerprint, bool) {
	sum, err := hex.DecodeString(strings.ReplaceAll(text, ":", ""))
	if err != nil || len(sum) != md5.Size {
		return Fingerprint{}, false
	}
	// Written again it must be the same, or the colons stood elsewhere.
	return Fingerprint{Hash: HashMD5, Sum: sum}, strings.EqualFold(colonHex(sum), text)
}

func readBase64(h Hash, text string, size int) (Fingerprint, bool) {
	encoding := base64.RawStdEncoding
	if strings.HasSuffix(text, "=") {
		encoding = base64.StdEncoding
	}
	// The decoder skips line breaks, a fingerprint has none.
	if strings.ContainsAny(text, "\r\n") {
		return Fingerprint{}, false
	}
	sum, err := encoding.Strict().DecodeString(text)
	if err != nil || len(sum) != size {
		return Fingerprint{}, false
	}
	return Fingerprint{Hash: h, Sum: sum}, true
}
