package core

import (
	"context"

	"github.com/google/uuid"

	"keyrack/internal/sshkey"
)

// KeyRef names a key of an account: by id, or by its exact name where the id
// is zero.
type KeyRef struct {
	ID   KeyID
	Name string
}

// ErrNoKey says that the key is not there, or not to be seen.
var ErrNoKey = errNoKey

// UserKeys lists keys of an account that the actor sees in the scope, and says
// how many match in all. For the account itself and those who have [ViewKeys];
// to them there are none as long as they lack [ViewUsers].
func (s *Service) UserKeys(ctx context.Context, by Actor, in Scope, owner AccountID, q KeyQuery) ([]Key, int, error) {
	if err := by.Require(ViewKeys, owner); err != nil {
		return nil, 0, err
	}
	var total int
	list, err := view(ctx, s, func(tx Tx) (list []Key, err error) {
		total = 0
		if _, err := seen(tx, by, in, owner); err != nil || by.Require(ViewUsers, owner) != nil {
			return nil, err
		}
		q := KeyQuery{Where: both(OwnedBy(owner), q.Where), Order: q.Order, Page: q.Page.clamped()}
		list, total, err = tx.Keys(q)
		return list, err
	})
	return list, total, err
}

// UserKey gives the first key that one of refs names of an account, as
// [Service.UserKeys] would. [ErrNoAccount] and [ErrNoKey] are told apart.
func (s *Service) UserKey(ctx context.Context, by Actor, in Scope, owner AccountID, refs ...KeyRef) (Key, error) {
	if err := by.Require(ViewKeys, owner); err != nil {
		return Key{}, err
	}
	return view(ctx, s, func(tx Tx) (Key, error) { return userKey(tx, by, in, owner, ViewUsers, refs) })
}

// userKey finds a key of an account for an actor who needs a right over the
// account itself.
func userKey(tx Tx, by Actor, in Scope, owner AccountID, needs Right, refs []KeyRef) (Key, error) {
	if _, err := seen(tx, by, in, owner); err != nil {
		return Key{}, err
	}
	if by.Require(needs, owner) != nil {
		return Key{}, ErrNoKey
	}
	for _, ref := range refs {
		k, err := ownersKey(tx, owner, ref)
		if KindOf(err) != NotFound || err == nil {
			return k, err
		}
	}
	return Key{}, ErrNoKey
}

func ownersKey(tx Tx, owner AccountID, ref KeyRef) (Key, error) {
	if ref.ID == 0 {
		return tx.OwnerKeyByName(owner, ref.Name)
	}
	k, err := tx.Key(ref.ID)
	if err == nil && k.Owner != owner {
		return Key{}, ErrNoKey
	}
	return k, err
}

// AddUserKey is [Service.AddKey] for an account that the actor sees in the
// scope: for the account itself and those who have [CreateKeys].
func (s *Service) AddUserKey(ctx context.Context, by Actor, in Scope, n NewKey) (Key, error) {
	if err := by.Require(CreateKeys, n.Owner); err != nil {
		return Key{}, err
	}
	d, err := s.draft(ctx, n)
	if err != nil {
		return Key{}, err
	}
	return update(ctx, s, func(tx Tx) (Key, error) {
		v, err := sightOf(tx, by, in)
		if err != nil {
			return Key{}, err
		}
		owner, err := d.owner(tx)
		if err == nil && !v.sees(owner.Place) {
			err = ErrNoAccount
		}
		if err != nil {
			return Key{}, as(ErrNoAccount, err)
		}
		return once(s, tx, by, Key.id,
			func(id uuid.UUID) (Key, error) { return tx.KeyByUUID(id) },
			func() (Key, error) { return s.addKey(tx, by, d, owner) })
	})
}

// RemoveUserKey is [Service.RemoveKey] for a key named as in [Service.UserKey],
// which it gives: for the account itself and those who have [DestroyKeys], and
// [EditUsers] to find it.
func (s *Service) RemoveUserKey(ctx context.Context, by Actor, in Scope, owner AccountID, refs ...KeyRef) (Key, error) {
	if err := by.Require(DestroyKeys, owner); err != nil {
		return Key{}, err
	}
	return update(ctx, s, func(tx Tx) (Key, error) {
		k, err := userKey(tx, by, in, owner, EditUsers, refs)
		if err != nil {
			return Key{}, err
		}
		return k, s.removeKey(tx, by, k, "")
	})
}

// OwnerHas tells whether an account that the actor sees in the scope has the
// key already, to those who may add one; nobody has the zero key.
func (s *Service) OwnerHas(ctx context.Context, by Actor, in Scope, owner AccountID, k sshkey.PublicKey) (bool, error) {
	if err := by.Require(CreateKeys, owner); err != nil {
		return false, err
	}
	return view(ctx, s, func(tx Tx) (bool, error) {
		if _, err := seen(tx, by, in, owner); err != nil || k.IsZero() {
			return false, err
		}
		_, err := tx.OwnerKey(owner, k.SHA256())
		return err == nil, ignore(NotFound, err)
	})
}
