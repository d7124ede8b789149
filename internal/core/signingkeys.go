package core

import (
	"context"
	"time"

	"keyrack/internal/jwt"
)

// SigningKeys lists the keys that tickets are signed with, newest first,
// without what is sealed. For those who read everything.
func (s *Service) SigningKeys(ctx context.Context, by Actor) ([]SigningKey, error) {
	if !by.readsAll() {
		return nil, errDenied
	}
	return view(ctx, s, func(tx Tx) ([]SigningKey, error) {
		keys, err := tx.SigningKeys()
		for i := range keys {
			keys[i].Sealed = nil
		}
		return keys, err
	})
}

// EnsureSigningKey makes the first signing key where there is none. For the
// system alone, at its start; of several servers that start at once, one does.
func (s *Service) EnsureSigningKey(ctx context.Context, by Actor) error {
	if by.kind != ActorSystem {
		return errDenied
	}
	return s.store.Update(ctx, func(tx Tx) error {
		keys, err := tx.SigningKeys()
		if err != nil || len(keys) > 0 {
			return err
		}
		_, err = s.newSigningKey(tx, by)
		return err
	})
}

// RotateSigningKey makes a new key to sign tickets with. What the earlier ones
// have signed counts to its end, within the hour; at once says that it does not,
// as after a theft, and then everybody has to log in again. For those who manage
// everything.
func (s *Service) RotateSigningKey(ctx context.Context, by Actor, atOnce bool) (SigningKey, error) {
	if !by.manages() {
		return SigningKey{}, errDenied
	}
	return update(ctx, s, func(tx Tx) (SigningKey, error) {
		keys, err := tx.SigningKeys()
		if err != nil {
			return SigningKey{}, err
		}
		for _, k := range keys {
			if err := s.retire(tx, by, k, atOnce); err != nil {
				return SigningKey{}, err
			}
		}
		made, err := s.newSigningKey(tx, by)
		made.Sealed = nil
		return made, err
	})
}

func (s *Service) retire(tx Tx, by Actor, k SigningKey, atOnce bool) error {
	if atOnce || k.spent(s.clock()) {
		return s.removeSigningKey(tx, by, k)
	}
	if !k.RetiredAt.IsZero() {
		return nil
	}
	k.RetiredAt = s.clock()
	return tx.UpdateSigningKey(k)
}

func (s *Service) removeSigningKey(tx Tx, by Actor, k SigningKey) error {
	if err := tx.DeleteSigningKey(k.ID); err != nil {
		return err
	}
	return s.audit(tx, by, "signing_key.remove", k.object())
}

func (s *Service) newSigningKey(tx Tx, by Actor) (SigningKey, error) {
	k := SigningKey{UUID: newUUID(), CreatedAt: s.clock()}
	var err error
	if k.Sealed, err = s.vault.Seal(randomBytes(jwt.KeySize), k.record()); err != nil {
		return SigningKey{}, err
	}
	if k.ID, err = tx.InsertSigningKey(k); err != nil {
		return SigningKey{}, err
	}
	return k, s.audit(tx, by, "signing_key.add", k.object())
}

// signingKeys gives the keys that a token may be signed with, newest first.
func (s *Service) signingKeys(tx Tx, now time.Time) ([][]byte, error) {
	all, err := tx.SigningKeys()
	if err != nil {
		return nil, err
	}
	var keys [][]byte
	for _, k := range all {
		if k.spent(now) {
			continue
		}
		key, err := s.unsealSigningKey(k)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// newestSigningKey gives the key to sign with; it makes one where there is none,
// as after all were removed.
func (s *Service) newestSigningKey(tx Tx) ([]byte, error) {
	all, err := tx.SigningKeys()
	if err != nil {
		return nil, err
	}
	for _, k := range all {
		if k.RetiredAt.IsZero() {
			return s.unsealSigningKey(k)
		}
	}
	made, err := s.newSigningKey(tx, System("log in"))
	if err != nil {
		return nil, err
	}
	return s.unsealSigningKey(made)
}

func (s *Service) unsealSigningKey(k SigningKey) ([]byte, error) {
	return s.vault.Unseal(k.Sealed, k.record())
}
