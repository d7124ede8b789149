package core

import (
	"context"

	"keyrack/internal/sshkey"
)

// ImportedKey is a key out of a file that lists many.
type ImportedKey struct {
	Owner string // login
	Name  string
	Text  string // in any form sshkey.Parse takes, without options, no certificate
}

// Imported says what became of imported keys.
type Imported struct {
	Added   int
	Present int           // which their owners have already
	Refused map[int]error // by place in the list
}

// ImportKeys gives accounts many keys in one transaction, with revision,
// evidence and audit event each. A key that is wrong, or whose owner is not
// there, is refused by itself; a key that its owner has is left as it is. With
// makeOwners an owner who is not there is made. For those who manage everything.
func (s *Service) ImportKeys(ctx context.Context, by Actor, keys []ImportedKey, makeOwners bool) (Imported, error) {
	if !by.manages() {
		return Imported{}, errDenied
	}
	var done Imported
	err := s.store.Bulk(ctx, func(tx Tx) error {
		policy, err := s.keyPolicy(tx)
		if err != nil {
			return err
		}
		i := importer{
			keyBatch: s.newKeyBatch(tx, by, ""), policy: policy, makeOwners: makeOwners,
			owners: map[string]Account{}, made: map[AccountID]bool{},
		}
		i.done.Refused = map[int]error{}
		for n, k := range keys {
			if err := i.take(n, k); err != nil {
				return err
			}
			if err := i.flushFull(); err != nil {
				return err
			}
		}
		done = i.done
		return i.flush()
	})
	return done, err
}

// importer is one run of ImportKeys within its transaction.
type importer struct {
	*keyBatch
	policy     sshkey.Policy
	makeOwners bool
	owners     map[string]Account // by login
	made       map[AccountID]bool // owners who had no keys before
	done       Imported
}

// take imports one key. The error is the store's; what is wrong with the key is noted.
func (i *importer) take(n int, k ImportedKey) error {
	owner, err := i.owner(k.Owner)
	if err == nil {
		in := NewKey{Owner: owner.ID, Name: k.Name, Text: k.Text, Unique: Uniqueness{Key: !i.made[owner.ID]}, Policy: &i.policy}
		err = i.add(in)
	}
	switch KindOf(err) {
	case Conflict:
		i.done.Present++
		return nil
	case Invalid, NotFound:
		i.done.Refused[n] = err
		return nil
	default:
		if err == nil {
			i.done.Added++
		}
		return err
	}
}

func (i *importer) owner(login string) (Account, error) {
	if a, known := i.owners[login]; known {
		return a, nil
	}
	a, err := accountByLogin(i.tx, login)
	if KindOf(err) == NotFound && i.makeOwners {
		a, err = i.addAccount(i.tx, i.by, NewAccount{Login: login}, "")
		i.made[a.ID] = err == nil
	}
	if err == nil {
		i.owners[login] = a
	}
	return a, err
}
