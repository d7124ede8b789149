package core_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"keyrack/internal/core"
)

const people = 5 // accounts 1 to people, each with a key

// Whoever the accounts are and whoever asks: an account, its keys, a key are
// shown by themselves where, and only where, the lists have them.
func TestShownIsListed(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		places, keys := w.settle(t)
		rounds := 0
		rapid.Check(t, func(rt *rapid.T) {
			if rounds++; rounds > 15 {
				return // rapid's own number of rounds is for functions without a database
			}
			w.shuffle(rt, keys)
			for id := range core.AccountID(people) {
				by, err := w.AuthenticateMapped(t.Context(), login(id+1), core.Origin{})
				if err != nil {
					rt.Fatal(err)
				}
				w.showsWhatItLists(rt, by, core.Scope{})
				for _, scope := range places {
					w.showsWhatItLists(rt, by, scope)
				}
				w.showsKeysItLists(rt, by, keys)
			}
		})
	})
}

func login(id core.AccountID) string { return fmt.Sprint("user", id) }

// settle makes the accounts, and gives the scopes there are and a key of each
// account.
func (w *world) settle(t *testing.T) ([]core.Scope, []uuid.UUID) {
	t.Helper()
	d := core.Desired{Organizations: []string{"o1", "o2"}, Locations: []string{"l1", "l2"}}
	for id := range core.AccountID(people) {
		key := core.DesiredKey{Name: "key", PublicKey: testKey(t, int(id)).String()}
		d.Accounts = append(d.Accounts, core.DesiredAccount{ID: id + 1, Login: login(id + 1), Keys: []core.DesiredKey{key}})
	}
	w.apply(d)
	var keys []uuid.UUID
	all, _, err := w.Keys(t.Context(), operator, core.KeyQuery{})
	if err != nil || len(all) != people {
		t.Fatalf("Keys() = %v, %v", all, err)
	}
	for _, k := range all {
		keys = append(keys, k.UUID)
	}
	return []core.Scope{{Organization: 1}, {Location: 2}, {Organization: 2, Location: 1}}, keys
}

// shuffle gives all accounts other places, roles and rights, and shares other keys.
func (w *world) shuffle(t *rapid.T, keys []uuid.UUID) {
	w.t.Helper()
	err := w.store.Update(w.t.Context(), func(tx core.Tx) error {
		var errs []error
		for id := range core.AccountID(people) {
			a, err := tx.Account(id + 1)
			if err != nil {
				return err
			}
			a.Roles = core.Roles{Admin: rapid.IntRange(0, 5).Draw(t, "admin") == 0, Support: rapid.IntRange(0, 5).Draw(t, "support") == 0}
			a.Rights = subset(t, "rights", core.Rights...)
			a.Organizations, a.Locations = subset[core.OrganizationID](t, "organizations", 1, 2), subset[core.LocationID](t, "locations", 1, 2)
			k, err := tx.KeyByUUID(keys[id])
			k.Shared = rapid.Bool().Draw(t, "shared")
			errs = append(errs, err, tx.UpdateAccount(a), tx.UpdateKey(k))
		}
		return errors.Join(errs...)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func subset[T any](t *rapid.T, label string, of ...T) []T {
	return slices.DeleteFunc(slices.Clone(of), func(T) bool { return rapid.Bool().Draw(t, label) })
}

func (w *world) showsWhatItLists(t *rapid.T, by core.Actor, in core.Scope) {
	ctx := w.t.Context()
	listed, n, err := w.Users(ctx, by, in, core.AccountQuery{})
	if core.KindOf(err) != core.Denied && err != nil || n != len(listed) {
		t.Fatalf("Users() of %s = %d of %d, %v", by.Name(), len(listed), n, err)
	}
	for id := range core.AccountID(people) {
		id++
		isListed := slices.ContainsFunc(listed, func(u core.User) bool { return u.ID == id })
		if err != nil { // who may not list sees himself
			isListed = id == by.Account()
		}
		_, shown := w.User(ctx, by, in, id)
		if (shown == nil) != isListed {
			t.Errorf("in %+v account %d is listed to %s: %v; shown by itself: %v", in, id, by.Name(), isListed, shown)
		}
		named, unknown := w.UserID(ctx, by, in, core.ViewUsers, login(id))
		if (unknown == nil) != isListed || unknown == nil && named != id {
			t.Errorf("in %+v account %d is listed to %s: %v; its login is of %d, %v", in, id, by.Name(), isListed, named, unknown)
		}
		keys, _, unseen := w.UserKeys(ctx, by, in, id, core.KeyQuery{})
		if len(keys) > 0 && !isListed || errors.Is(unseen, core.ErrNoAccount) && isListed {
			t.Errorf("in %+v account %d is listed to %s: %v; its keys are %d, %v", in, id, by.Name(), isListed, len(keys), unseen)
		}
	}
}

func (w *world) showsKeysItLists(t *rapid.T, by core.Actor, keys []uuid.UUID) {
	listed, n, err := w.Keys(w.t.Context(), by, core.KeyQuery{})
	if err != nil || n != len(listed) {
		t.Fatalf("Keys() of %s = %d of %d, %v", by.Name(), len(listed), n, err)
	}
	for _, id := range keys {
		isListed := slices.ContainsFunc(listed, func(k core.Key) bool { return k.UUID == id })
		if _, shown := w.Key(w.t.Context(), by, id); (shown == nil) != isListed {
			t.Errorf("key %s is listed to %s: %v; shown by itself: %v", id, by.Name(), isListed, shown)
		}
	}
}
