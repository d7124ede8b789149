package core_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/core"
	"keyrack/internal/store"
	"keyrack/internal/store/storetest"
)

// names gives the names of listed keys, in order.
func names(list []core.KeyEntry) string {
	var all []string
	for _, k := range list {
		all = append(all, k.Name)
	}
	return strings.Join(all, " ")
}

func TestKeyEntries(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		ada, bob := w.account(core.NewAccount{Login: "ada"}), w.account(core.NewAccount{Login: "bob"})
		for i, name := range []string{"a", "b", "c", "d", "e"} {
			w.addKey(ada.ID, name, testKey(t, i+1))
		}
		w.addKey(bob.ID, "Über Laptop", testKey(t, 8))
		w.addKey(bob.ID, "c", testKey(t, 9))
		owners := map[core.AccountID]uuid.UUID{ada.ID: ada.UUID, bob.ID: bob.UUID}
		byName := []core.Order{{Attribute: core.KeyNameAttr}}
		falling := []core.Order{{Attribute: core.KeyNameAttr, Descending: true}}
		contains := func(part string) core.Filter {
			return core.Compare{Attribute: core.KeyNameAttr, Op: core.Contains, Value: part}
		}
		for name, tt := range map[string]struct {
			q     core.KeyQuery
			want  string
			total int
		}{
			"all":              {core.KeyQuery{Order: byName}, "a b c c d e Über Laptop", 7},
			"falling":          {core.KeyQuery{Order: falling}, "Über Laptop e d c c b a", 7},
			"near the end":     {core.KeyQuery{Order: byName, Page: core.Page{Offset: 5, Limit: 2}}, "e Über Laptop", 7},
			"over the end":     {core.KeyQuery{Order: byName, Page: core.Page{Offset: 6, Limit: 2}}, "Über Laptop", 7},
			"behind the end":   {core.KeyQuery{Order: byName, Page: core.Page{Offset: 7, Limit: 2}}, "", 7},
			"one letter":       {core.KeyQuery{Where: contains("A"), Order: byName}, "a Über Laptop", 2},
			"letters, no case": {core.KeyQuery{Where: contains("ÜBER LAP"), Order: byName}, "Über Laptop", 1},
			"a quote":          {core.KeyQuery{Where: contains(`"lap`), Order: byName}, "", 0},
			"a wildcard":       {core.KeyQuery{Where: contains("%ap%"), Order: byName}, "", 0},
			"nothing":          {core.KeyQuery{Where: contains(""), Order: byName, Page: core.Page{Limit: 1}}, "a", 7},
		} {
			list, total, err := w.KeyEntries(t.Context(), operator, tt.q)
			if got := names(list); err != nil || got != tt.want || total != tt.total {
				t.Errorf("%s: KeyEntries = %q, %d, %v; want %q, %d", name, got, total, err, tt.want, tt.total)
			}
			for _, k := range list {
				if owner := owners[k.Owner]; k.OwnerUUID != owner {
					t.Errorf("%s: %s is of %s, want its owner %s", name, k.Name, k.OwnerUUID, owner)
				}
			}
		}
		list, _, err := w.KeyEntries(t.Context(), operator, core.KeyQuery{Where: contains("c"), Order: falling})
		if err != nil || len(list) != 2 || list[0].ID > list[1].ID {
			t.Errorf("keys of one name, falling = %v, %v; want them as they were made", list, err)
		}
	})
}

// A name is found by its parts as it is now, not as it was.
func TestNamesAreFoundAsTheyAre(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorldOn(t, s)
		k := w.addKey(w.account(core.NewAccount{Login: "ada"}).ID, "workstation", testKey(t, 1))
		k.Name = "notebook"
		if err := s.Update(t.Context(), func(tx core.Tx) error { return tx.UpdateKey(k) }); err != nil {
			t.Fatal(err)
		}
		found := func(part string) int {
			_, n, err := w.KeyEntries(t.Context(), operator, core.KeyQuery{
				Where: core.Compare{Attribute: core.KeyNameAttr, Op: core.Contains, Value: part},
			})
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		if found("station") != 0 || found("BOOK") != 1 {
			t.Errorf("found %d by the old name and %d by the new, want 0 and 1", found("station"), found("BOOK"))
		}
		if err := w.RemoveKey(t.Context(), operator, k.UUID, ""); err != nil || found("book") != 0 {
			t.Errorf("RemoveKey = %v, and %d are found, want none", err, found("book"))
		}
	})
}

// Who may take which key away, and what he is told otherwise.
func TestRemovalRule(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(core.Desired{Accounts: []core.DesiredAccount{
		{Login: "owner"}, {Login: "other"}, {Login: "support", Roles: core.Roles{Support: true}}, {Login: "admin", Roles: core.Roles{Admin: true}},
	}})
	owner := must(w.AccountRef(t.Context(), operator, "owner"))
	for i, tt := range []struct {
		login             string
		shared, bySupport bool
		where             core.Filter
		want              string
	}{
		{"owner", false, false, nil, "."},
		{"owner", true, true, nil, "D"},
		{"other", false, true, nil, "N"},
		{"other", true, true, nil, "D"},
		{"support", false, false, nil, "D"},
		{"support", false, true, nil, "."},
		{"support", true, true, nil, "D"},
		{"admin", true, false, nil, "."},
		{"admin", false, false, nil, "."},
		{"admin", false, false, core.OwnedBy(owner.ID + 1), "N"},
	} {
		k := w.addKey(owner.ID, "key", testKey(t, i+1))
		if tt.shared {
			if err := w.ShareKey(t.Context(), operator, k.UUID); err != nil {
				t.Fatal(err)
			}
		}
		err := w.Remove(t.Context(), w.actor(tt.login), core.Removal{Key: k.UUID, BySupport: tt.bySupport, Where: tt.where})
		if got := answer(err); got != tt.want {
			t.Errorf("Remove by %s, shared %t, by support %t = %s, want %s", tt.login, tt.shared, tt.bySupport, got, tt.want)
		}
	}
}

func TestSharing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.account(core.NewAccount{Login: "ada"})
	w.account(core.NewAccount{Login: "bob"})
	k := w.addKey(ada.ID, "laptop", testKey(t, 1))
	seen := func() error {
		_, err := w.KeyEntry(t.Context(), w.actor("bob"), k.UUID, nil)
		return err
	}
	steps := []struct {
		do   func() error
		want string
	}{
		{func() error { return nil }, "N"},
		{func() error { return w.ShareKey(t.Context(), operator, k.UUID) }, "."},
		{func() error { return w.ShareKey(t.Context(), operator, k.UUID) }, "."},
		{func() error { return w.UnshareKey(t.Context(), operator, k.UUID) }, "N"},
	}
	for i, step := range steps {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if got := answer(seen()); got != step.want {
			t.Errorf("step %d: the key to another = %s, want %s", i, got, step.want)
		}
	}
	list, n, err := w.KeyHistory(t.Context(), operator, core.RevisionQuery{Key: k.UUID})
	if err != nil || n != 3 || list[0].Comment != "no longer shared" || list[0].Key.Shared || !list[1].Key.Shared {
		t.Errorf("KeyHistory = %+v, %d, %v; want added, shared and not", list, n, err)
	}
	wantError(t, "ShareKey of no key", w.ShareKey(t.Context(), operator, uuid.New()), core.NotFound)
}

func TestHistory(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		ada := w.account(core.NewAccount{Login: "ada", Name: "Ada Example"})
		k := must(w.AddKey(t.Context(), w.actor("ada"), core.NewKey{Owner: ada.ID, Name: "laptop", Text: keyText, Comment: "first"}))
		made := core.Moment(w.clock.Now())
		w.clock.advance(time.Hour)
		if err := w.ShareKey(t.Context(), operator, k.UUID); err != nil {
			t.Fatal(err)
		}
		shared := core.Moment(w.clock.Now())
		for name, tt := range map[string]struct {
			after, before time.Time
			page          core.Page
			want          int
			total         int
		}{
			"all":               {want: 2, total: 2},
			"one of them":       {page: core.Page{Offset: 1, Limit: 1}, want: 1, total: 2},
			"after itself":      {after: shared, want: 0, total: 0},
			"after the first":   {after: made, want: 1, total: 1},
			"before the second": {before: shared, want: 1, total: 1},
			"between":           {after: made, before: shared, want: 0, total: 0},
		} {
			q := core.RevisionQuery{Key: k.UUID, After: tt.after, Before: tt.before, Page: tt.page}
			list, total, err := w.KeyHistory(t.Context(), operator, q)
			if err != nil || len(list) != tt.want || total != tt.total {
				t.Errorf("%s: KeyHistory = %d of %d, %v; want %d of %d", name, len(list), total, err, tt.want, tt.total)
			}
		}
		for name, tt := range map[string]struct {
			at   time.Time
			want string
		}{
			"at the moment":              {made, "first"},
			"until the next":             {shared.Add(-time.Microsecond), "first"},
			"at the next":                {shared, "shared"},
			"between two of the clock's": {shared.Add(999), "shared"},
		} {
			v, err := w.KeyVersionAt(t.Context(), operator, k.UUID, tt.at)
			if err != nil || v.Comment != tt.want {
				t.Errorf("%s: KeyVersionAt = %q, %v; want %q", name, v.Comment, err, tt.want)
			}
		}
		v, err := w.KeyVersionAt(t.Context(), operator, k.UUID, made)
		if err != nil || v.By.Name != "Ada Example" {
			t.Errorf("the first version is by %+v, %v; want ada", v.By, err)
		}
		if _, err := w.KeyVersionAt(t.Context(), operator, k.UUID, made.Add(-time.Microsecond)); err != core.ErrNoVersion { //nolint:errorlint // the value itself
			t.Errorf("before the first: %v, want %v", err, core.ErrNoVersion)
		}
		if err := w.RemoveKey(t.Context(), operator, k.UUID, ""); err != nil {
			t.Fatal(err)
		}
		_, _, err = w.KeyHistory(t.Context(), operator, core.RevisionQuery{Key: k.UUID})
		wantError(t, "history of a key that is gone", err, core.NotFound)
	})
}
