package core

import (
	"context"

	"github.com/google/uuid"
)

// KeyEntry is a key with the UUID of the account that owns it.
type KeyEntry struct {
	Key
	OwnerUUID uuid.UUID
}

// KeyEntries lists keys as [Service.Keys] does, with their owners.
func (s *Service) KeyEntries(ctx context.Context, by Actor, q KeyQuery) ([]KeyEntry, int, error) {
	var total int
	list, err := glance(ctx, s, func(tx Tx) (list []KeyEntry, err error) { // one key is looked for more often than all
		list, total, err = keyEntries(tx, by, q)
		return list, err
	})
	return list, total, err
}

// KeyEntry gives one key that the actor may see and the filter selects.
func (s *Service) KeyEntry(ctx context.Context, by Actor, id uuid.UUID, where Filter) (KeyEntry, error) {
	return glance(ctx, s, func(tx Tx) (KeyEntry, error) { return keyEntry(tx, by, id, where) })
}

func keyEntries(tx Tx, by Actor, q KeyQuery) ([]KeyEntry, int, error) {
	visible, err := visibleKeys(by)
	if err != nil {
		return nil, 0, err
	}
	q.Where, q.Page = both(visible, q.Where), q.Page.clamped()
	return tx.KeyEntries(q)
}

func keyEntry(tx Tx, by Actor, id uuid.UUID, where Filter) (KeyEntry, error) {
	where = both(Compare{KeyUUIDAttr, Equal, id}, where)
	list, _, err := keyEntries(tx, by, KeyQuery{Where: where, Page: Page{Limit: 1}})
	switch {
	case KindOf(err) == Denied, err == nil && len(list) == 0:
		return KeyEntry{}, errNoKey
	case err != nil:
		return KeyEntry{}, err
	}
	return list[0], nil
}
