package sshkey

import (
	"fmt"
	"strconv"
)

// Code names a cause of refusal, for callers that answer each in words of
// their own.
type Code uint8

// The causes. Those up to CodeFingerprint come from reading, the rest from
// [Policy.Judge].
const (
	CodeMalformed    Code = iota + 1 // wrong in a way that has no code of its own
	CodeEmpty                        // no key at all: nothing, blanks, comment lines
	CodePrivateKey                   // a private key was sent
	CodeSeveral                      // more than one line or key
	CodeTooLong                      // text or blob over its limit
	CodeCharacters                   // control characters, byte order mark, no UTF-8
	CodeNoKey                        // nothing that looks like a public key in any form
	CodeBase64                       // key data is not canonical base64
	CodeTypeName                     // type name not well-formed, or no name of a key type
	CodeTypeMismatch                 // type in the text is not the one inside the key data
	CodeTruncated                    // key data ends too early
	CodeTrailing                     // something follows after the key's end
	CodeNumber                       // integer not in its shortest form, or not positive
	CodeModulus                      // RSA modulus over 16384 bits
	CodeExponent                     // RSA exponent even, 1, or over 24 bits
	CodeCurve                        // ECDSA curve does not belong to the type
	CodePoint                        // ECDSA point not on its curve, or not uncompressed
	CodeKeyLength                    // Ed25519 key not of 32 bytes
	CodeDSA                          // DSA parameters no SSH software takes
	CodePEM                          // PEM of another kind, or damaged
	CodeRFC4716                      // RFC 4716 block damaged
	CodeCertificate                  // certificate malformed, of unknown type, or badly signed
	CodeOptions                      // authorized_keys options malformed or unknown
	CodeFingerprint                  // text is no fingerprint
	CodeNotAllowed                   // type not among the allowed ones
	CodeTooSmall                     // RSA key smaller than the policy asks
	CodeWeak                         // a key that protects nothing
)

var codeNames = [...]string{
	CodeMalformed:    "malformed",
	CodeEmpty:        "empty",
	CodePrivateKey:   "private_key",
	CodeSeveral:      "several",
	CodeTooLong:      "too_long",
	CodeCharacters:   "characters",
	CodeNoKey:        "no_key",
	CodeBase64:       "base64",
	CodeTypeName:     "type_name",
	CodeTypeMismatch: "type_mismatch",
	CodeTruncated:    "truncated",
	CodeTrailing:     "trailing",
	CodeNumber:       "number",
	CodeModulus:      "modulus",
	CodeExponent:     "exponent",
	CodeCurve:        "curve",
	CodePoint:        "point",
	CodeKeyLength:    "key_length",
	CodeDSA:          "dsa",
	CodePEM:          "pem",
	CodeRFC4716:      "rfc4716",
	CodeCertificate:  "certificate",
	CodeOptions:      "options",
	CodeFingerprint:  "fingerprint",
	CodeNotAllowed:   "not_allowed",
	CodeTooSmall:     "too_small",
	CodeWeak:         "weak",
}

// String returns the code as one lower-case word, stable across releases.
func (c Code) String() string {
	if int(c) < len(codeNames) && codeNames[c] != "" {
		return codeNames[c]
	}
	return "code(" + strconv.Itoa(int(c)) + ")"
}

// Error is the only type of error this package returns.
type Error struct {
	// Code is the cause.
	Code Code
	// Msg says what is wrong and what would be right. It may be shown to
	// whoever sent the key: it repeats at most names from the input, short,
	// quoted and in printable ASCII, and nothing at all of a private key.
	Msg string
	// Bits is how many are needed, for CodeTooSmall.
	Bits int
}

// Error returns the message.
func (e *Error) Error() string { return e.Msg }

func fail(code Code, format string, args ...any) error {
	return &Error{Code: code, Msg: fmt.Sprintf(format, args...)}
}

// maxEcho is how much of a name from the input an error repeats: enough for
// each name in use, too little to carry a secret out.
const maxEcho = 40

// quote makes a piece of input fit for an error's text.
func quote(s string) string {
	if len(s) <= maxEcho {
		return strconv.QuoteToASCII(s)
	}
	return strconv.QuoteToASCII(s[:maxEcho]) + "..."
}
