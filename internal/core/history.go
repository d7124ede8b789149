package core

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Version is a revision of a key with the account that made it.
type Version struct {
	Revision
	By Account // zero: none, or it is gone
}

// ErrNoVersion says that a key had no version yet at a moment.
var ErrNoVersion = Errorf(NotFound, "the key had no version then")

// KeyHistory gives the versions of a key that is there, from the newest on, and
// how many match in all. For those who read everything; whether the key is
// there shows to nobody else.
func (s *Service) KeyHistory(ctx context.Context, by Actor, q RevisionQuery) ([]Version, int, error) {
	if !by.readsAll() {
		return nil, 0, errDenied
	}
	q.Page = q.Page.clamped()
	var total int
	list, err := view(ctx, s, func(tx Tx) ([]Version, error) {
		if _, err := keyFor(tx, by, q.Key); err != nil {
			return nil, err
		}
		revisions, n, err := tx.History(q)
		if err != nil {
			return nil, err
		}
		total = n
		return versions(tx, revisions)
	})
	return list, total, err
}

// KeyVersionAt gives the version that a key had at a moment, or [ErrNoVersion].
// For those who read everything.
func (s *Service) KeyVersionAt(ctx context.Context, by Actor, id uuid.UUID, at time.Time) (Version, error) {
	if !by.readsAll() {
		return Version{}, errDenied
	}
	return view(ctx, s, func(tx Tx) (Version, error) {
		if _, err := keyFor(tx, by, id); err != nil {
			return Version{}, err
		}
		r, err := tx.RevisionAt(id, Moment(at))
		if err != nil {
			return Version{}, as(ErrNoVersion, err)
		}
		list, err := versions(tx, []Revision{r})
		if err != nil {
			return Version{}, err
		}
		return list[0], nil
	})
}

// versions gives revisions the accounts that made them.
func versions(tx Tx, revisions []Revision) ([]Version, error) {
	list := make([]Version, len(revisions))
	known := map[AccountID]Account{0: {}}
	for i, r := range revisions {
		account, ok := known[r.Account]
		if !ok {
			var err error
			if account, err = tx.Account(r.Account); ignore(NotFound, err) != nil {
				return nil, err
			}
			known[r.Account] = account
		}
		list[i] = Version{Revision: r, By: account}
	}
	return list, nil
}
