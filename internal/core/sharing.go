package core

import (
	"context"

	"github.com/google/uuid"
)

// ShareKey lets every account see a key. For those who manage everything. A key
// that is shared already stays as it is, without another revision.
func (s *Service) ShareKey(ctx context.Context, by Actor, id uuid.UUID) error {
	return s.setShared(ctx, by, id, true, "shared")
}

// UnshareKey lets a key be seen by its owner and those who read everything, and
// by no others. For those who manage everything.
func (s *Service) UnshareKey(ctx context.Context, by Actor, id uuid.UUID) error {
	return s.setShared(ctx, by, id, false, "no longer shared")
}

func (s *Service) setShared(ctx context.Context, by Actor, id uuid.UUID, shared bool, comment string) error {
	if !by.manages() {
		return errDenied
	}
	return s.store.Update(ctx, func(tx Tx) error {
		k, err := keyFor(tx, by, id)
		if err != nil || k.Shared == shared {
			return err
		}
		return s.changeShared(tx, by, k, shared, comment)
	})
}

func (s *Service) changeShared(tx Tx, by Actor, k Key, shared bool, comment string) error {
	k.Shared, k.UpdatedAt = shared, s.clock()
	if err := tx.UpdateKey(k); err != nil {
		return err
	}
	return s.revise(tx, by, KeyChanged, comment, k)
}
