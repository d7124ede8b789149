package sshkey

import (
	"fmt"
	"slices"
	"strings"
)

// DefaultMinRSABits is what NIST SP 800-57 asks for at the least.
const DefaultMinRSABits = 2048

// Policy says which well-formed keys are wanted. The zero value is the
// default: every known type but DSA, and RSA from 2048 bits.
type Policy struct {
	// AllowedTypes lists the types to take. A type this package does not know
	// is taken if it is listed. Empty means all known types but ssh-dss.
	AllowedTypes []string
	// MinRSABits is the smallest RSA modulus. 0 means 2048, a negative number
	// that every size will do.
	MinRSABits int
	// AnyStrength takes keys that protect nothing as well, for records of what
	// there is. Nobody should be let in by such a key: see [CheckStrength].
	AnyStrength bool
}

// Judge returns nil if the key is wanted, else an [*Error] that says what is
// wrong with it and what would be right.
func (p Policy) Judge(k PublicKey) error {
	if k.IsZero() {
		return fail(CodeEmpty, "there is no key")
	}
	if allowed := p.Types(); !slices.Contains(allowed, k.Algorithm()) {
		return fail(CodeNotAllowed, "keys of type %s are not allowed; allowed are %s",
			quote(k.Algorithm()), strings.Join(allowed, ", "))
	}
	if bits := k.Bits(); k.Algorithm() == typeRSA && bits < p.MinBits() {
		return &Error{
			Code: CodeTooSmall, Bits: p.MinBits(),
			Msg: fmt.Sprintf("the RSA key has %d bits; at least %d are needed", bits, p.MinBits()),
		}
	}
	if p.AnyStrength {
		return nil
	}
	return CheckStrength(k)
}

// Types returns the types the policy takes.
func (p Policy) Types() []string {
	if len(p.AllowedTypes) > 0 {
		return p.AllowedTypes
	}
	return slices.DeleteFunc(KnownTypes(), func(name string) bool { return name == typeDSA })
}

// MinBits returns the smallest RSA modulus the policy takes, at least 0.
func (p Policy) MinBits() int {
	if p.MinRSABits == 0 {
		return DefaultMinRSABits
	}
	return max(p.MinRSABits, 0)
}
