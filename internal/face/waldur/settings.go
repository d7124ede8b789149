package waldur

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"keyrack/internal/sshkey"
)

// Section is the section of `apply`'s settings that the face reads:
//
//	settings:
//	  waldur: {allowed_types: [ssh-ed25519, ssh-rsa], min_rsa_bits: 3072}
//
// Without types the seven of upstream are allowed, of an empty list all; without
// bits it is 2048, and 0 is any.
const Section = "waldur"

// defaultTypes are upstream's SSH_KEY_ALLOWED_TYPES, in its order.
var defaultTypes = []string{
	"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa",
	"sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
}

// policy says which keys the face takes.
type policy struct {
	sshkey.Policy
	types   []string // as an operator listed them; none: all
	minBits int
}

func (p policy) allows(word string) bool {
	return len(p.types) == 0 || slices.Contains(p.types, word)
}

// CheckSettings tells what is wrong with the section.
func CheckSettings(text string) error {
	_, err := parseSettings(text)
	return err
}

func parseSettings(text string) (policy, error) {
	wire := struct {
		AllowedTypes []string `json:"allowed_types"`
		MinRSABits   int      `json:"min_rsa_bits"`
	}{MinRSABits: sshkey.DefaultMinRSABits, AllowedTypes: defaultTypes}
	if text != "" {
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		wire.AllowedTypes = nil
		if err := d.Decode(&wire); err != nil {
			return policy{}, fmt.Errorf("must be allowed_types and min_rsa_bits: %w", err)
		}
		if wire.AllowedTypes == nil {
			wire.AllowedTypes = defaultTypes
		}
	}
	for _, name := range wire.AllowedTypes {
		if !isParsed(name) {
			return policy{}, fmt.Errorf("allowed_types: %q is none of %s", name, strings.Join(sshkey.KnownTypes(), ", "))
		}
	}
	if wire.MinRSABits < 0 || wire.MinRSABits > 16384 {
		return policy{}, errors.New("min_rsa_bits: must be between 0 and 16384")
	}
	return newPolicy(wire.AllowedTypes, wire.MinRSABits), nil
}

func newPolicy(types []string, bits int) policy {
	p := policy{types: types, minBits: bits, Policy: sshkey.Policy{AllowedTypes: types, MinRSABits: bits, AnyStrength: true}}
	if len(types) == 0 {
		p.AllowedTypes = sshkey.KnownTypes()
	}
	if bits == 0 {
		p.MinRSABits = -1 // any
	}
	return p
}

// policy reads what an operator has set.
func (a *api) policy(ctx context.Context) (policy, error) {
	text, err := a.Core.FaceSettings(ctx, Section)
	if err != nil {
		return policy{}, err
	}
	return parseSettings(text)
}
