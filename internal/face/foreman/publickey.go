package foreman

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"keyrack/internal/sshkey"
)

// keyTypes are the types that the product knows (sshkey 2.0.0).
var keyTypes = []string{"ssh-rsa", "ssh-dss", "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"}

// givenKey is a new key as it was sent, with what the product finds out of it.
type givenKey struct {
	name, text       string
	hasText          bool
	kind, blob       string           // the first known type, and the word after it
	public           sshkey.PublicKey // zero: it is none that can be kept
	unpacked, broken bool             // the blob is a sequence of parts; the text has a break in it
}

// stripped is what is taken off both ends of a text before anything else.
const stripped = " \t\n\v\f\r\x00"

func newKey(from attributes) givenKey {
	var k givenKey
	k.name, _ = from.text("name")
	k.text, k.hasText = from.text("key")
	k.name, k.text = strings.Trim(k.name, stripped), strings.Trim(k.text, stripped)
	k.broken = strings.Contains(k.text, "\n")
	if k.broken {
		return k // of several lines the product reads none
	}
	words := strings.Fields(k.text)
	i := slices.IndexFunc(words, func(w string) bool { return slices.Contains(keyTypes, w) })
	if i < 0 {
		return k
	}
	k.kind = words[i]
	if i+1 < len(words) {
		k.blob = words[i+1]
	}
	wire, err := base64.StdEncoding.Strict().DecodeString(k.blob)
	k.unpacked = err == nil && hasParts(wire, k.kind) && !k.unkept()
	if k.unpacked {
		k.public, _ = sshkey.FromWire(wire) // zero: not a valid key, which is said below
	}
	return k
}

// unkept tells whether the text holds what must not be kept: the product fails
// on a private key, and on NUL.
func (k givenKey) unkept() bool {
	return strings.Contains(k.text, "PRIVATE") || strings.ContainsRune(k.text, 0)
}

// hasParts tells whether a blob is its type's name and then a sequence of parts
// that ends where the blob does.
func hasParts(wire []byte, kind string) bool {
	for first := true; ; first = false {
		if len(wire) == 0 {
			return !first
		}
		if len(wire) < 4 {
			return false
		}
		n := int64(binary.BigEndian.Uint32(wire))
		if n > int64(len(wire)-4) {
			return false
		}
		if first && string(wire[4:4+n]) != kind {
			return false
		}
		wire = wire[4+n:]
	}
}

var openSSHFormat = regexp.MustCompile(`\A(?:ssh|ecdsa)-[^\n]*\z`)

func isBlank(text string) bool { return strings.TrimFunc(text, unicode.IsSpace) == "" }

const maxName = 255 // characters

// problems are all that is wrong with the key, in the product's order.
func (k givenKey) problems(taken bool) error {
	e := &validationError{}
	if utf8.RuneCountInString(k.name) > maxName {
		e.add("name", "is too long (maximum is 255 characters)")
	}
	if isBlank(k.name) {
		e.add("name", "can't be blank")
	}
	blank := isBlank(k.text)
	if blank {
		e.add("key", "can't be blank")
	}
	if k.hasText && k.public.IsZero() {
		e.add("key", "is not a valid public ssh key")
	}
	if !openSSHFormat.MatchString(k.text) {
		e.add("key", "must be in OpenSSH public key format")
	}
	if strings.ContainsAny(k.text, "\r\n") {
		e.add("key", "should be a single line")
	}
	if taken {
		e.add("fingerprint", "has already been taken")
	}
	if blank || k.kind == "" {
		e.add("fingerprint", "could not be generated")
	}
	if blank || !k.unpacked {
		e.add("length", "could not be calculated")
	}
	return e.err()
}

// policy is which keys are taken: what the installation says of this face or of
// all keys, and else what the product takes, which is any of its types in any
// size.
func (c *call) policy() (*sshkey.Policy, error) {
	own, err := c.Core.FaceSettings(c.r.Context(), "foreman")
	if err != nil {
		return nil, err
	}
	s, err := readSettings(own)
	if err != nil {
		return nil, err
	}
	everyone, err := c.Core.FaceSettings(c.r.Context(), "keys")
	if err != nil {
		return nil, err
	}
	policy := sshkey.Policy{AllowedTypes: keyTypes, MinRSABits: -1, AnyStrength: true}
	switch {
	case len(s.AllowedTypes) > 0 || s.MinRSABits != 0:
		policy.MinRSABits = cmp.Or(s.MinRSABits, -1)
		if len(s.AllowedTypes) > 0 {
			policy.AllowedTypes = s.AllowedTypes
		}
	case everyone != "":
		return nil, nil // the installation's, which core knows
	}
	return &policy, nil
}

// settings are what an operator may choose of the face, in the section foreman
// of the apply file.
type settings struct {
	AllowedTypes []string `json:"allowed_types"`
	MinRSABits   int      `json:"min_rsa_bits"`
}

// CheckSettings tells what is wrong with a section.
func CheckSettings(text string) error {
	_, err := readSettings(text)
	return err
}

func readSettings(text string) (s settings, err error) {
	if text == "" {
		return s, nil
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	return s, d.Decode(&s)
}
