package core

import (
	"context"

	"github.com/google/uuid"
)

// KeyEntry is a key with the account that owns it.
type KeyEntry struct {
	Key
	Account Account
}

// KeyEntries lists keys as [Service.Keys] does, with their owners.
func (s *Service) KeyEntries(ctx context.Context, by Actor, q KeyQuery) ([]KeyEntry, int, error) {
	var total int
	list, err := view(ctx, s, func(tx Tx) (list []KeyEntry, err error) {
		list, total, err = keyEntries(tx, by, q)
		return list, err
	})
	return list, total, err
}

// KeyEntry gives one key that the actor may see and the filter selects.
func (s *Service) KeyEntry(ctx context.Context, by Actor, id uuid.UUID, where Filter) (KeyEntry, error) {
	return view(ctx, s, func(tx Tx) (KeyEntry, error) { return keyEntry(tx, by, id, where) })
}

func keyEntries(tx Tx, by Actor, q KeyQuery) ([]KeyEntry, int, error) {
	visible, err := visibleKeys(by)
	if err != nil {
		return nil, 0, err
	}
	q.Where, q.Page = both(visible, q.Where), q.Page.clamped()
	keys, total, err := tx.Keys(q)
	if err != nil {
		return nil, 0, err
	}
	owners, err := ownersOf(tx, keys)
	if err != nil {
		return nil, 0, err
	}
	list := make([]KeyEntry, len(keys))
	for i, k := range keys {
		list[i] = KeyEntry{Key: k, Account: owners[k.Owner]}
	}
	return list, total, nil
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

// ownersOf gives the accounts that own some keys.
func ownersOf(tx Tx, keys []Key) (map[AccountID]Account, error) {
	owners := map[AccountID]Account{}
	var ids []any
	for _, k := range keys {
		if _, known := owners[k.Owner]; !known {
			owners[k.Owner] = Account{}
			ids = append(ids, k.Owner)
		}
	}
	if len(ids) == 0 {
		return owners, nil
	}
	if len(ids) == 1 { // as for every single key: a look-up costs less than a search
		a, err := tx.Account(keys[0].Owner)
		owners[a.ID] = a
		return owners, err
	}
	accounts, _, err := tx.Accounts(AccountQuery{Where: Compare{AccountIDAttr, OneOf, ids}})
	for _, a := range accounts {
		owners[a.ID] = a
	}
	return owners, err
}
