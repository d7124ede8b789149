package core

import (
	"context"

	"github.com/google/uuid"

	"keyrack/internal/sshkey"
)

// KeyOwner tells of an account what decides whether it gets a key. Of what
// speaks against it, it tells what was asked for.
type KeyOwner struct {
	Place
	UUID  uuid.UUID
	Named bool      // it has a key of the name
	Holds bool      // it has the key
	Other uuid.UUID // the first other account that has the key; zero: none
}

// draft is a key that somebody wants an account to have, as far as it can be
// told without the account.
type draft struct {
	NewKey
	public sshkey.PublicKey
	wrong  error // with the key by itself
}

// draft reads a new key, outside of the transaction that adds it.
func (s *Service) draft(ctx context.Context, in NewKey) (draft, error) {
	if in.Policy != nil {
		return newDraft(in, *in.Policy), nil
	}
	text, err := s.settingLeased(ctx, keysPolicyName)
	if err != nil {
		return draft{}, err
	}
	policy, err := parseKeyPolicy(text)
	return newDraft(in, policy), err
}

// newDraft says all that is wrong with a new key at once.
func newDraft(in NewKey, policy sshkey.Policy) draft {
	var p problems
	checkLabel(&p, "name", in.Name, maxKeyName)
	checkComment(&p, in.Comment)
	public, err := readPublicKey(in.Text, policy)
	if err != nil {
		p.because("public_key", err)
	}
	return draft{in, public, p.err()}
}

// owner gives who is to have the key. Of a key that is wrong nothing else is asked.
func (d draft) owner(tx Tx) (KeyOwner, error) {
	if d.wrong != nil {
		return tx.KeyOwner(Key{Owner: d.Owner}, Uniqueness{}, ElsewhereTaken)
	}
	return tx.KeyOwner(d.key(), d.Unique, d.Elsewhere)
}

// refusal says why the owner does not get the key; nil: it does.
func (d draft) refusal(of KeyOwner) error {
	switch {
	case d.wrong != nil:
		return d.wrong
	case of.Named:
		return conflictAt(errTaken, "name", namedText)
	case of.Holds:
		return conflictAt(errTaken, "public_key", ownedText)
	case d.Elsewhere == ElsewhereRefused && of.Other != uuid.UUID{}:
		return conflictAt(errTaken, "public_key", "is already a key of another account")
	}
	return nil
}

const (
	namedText = "is already the name of another key of this account"
	ownedText = "is already a key of this account"
)

// key is what the draft says of the key.
func (d draft) key() Key {
	return Key{Owner: d.Owner, Name: d.Name, Text: d.Text, Public: d.public, Shared: d.Shared}
}

// made is the key as one that is new. A change that is tried again makes another.
func (s *Service) made(d draft) Key {
	k := d.key()
	k.UUID, k.ShortID, k.CreatedAt = newUUID(), NewShortID(), s.clock()
	k.UpdatedAt = k.CreatedAt
	return k
}
