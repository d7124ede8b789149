package store

import (
	cryptorand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/core"
	"keyrack/internal/sshkey"
)

// Pages are the same from wherever the way to them begins, in both directions,
// among names that are alike too, before and after each change.
func TestPagesFromLandmarks(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s *Store) {
		db := databaseOf(s)
		db.fewRows = 3 // so that these few are many
		var keys []core.Key
		add := func(n int) {
			err := s.Update(t.Context(), func(tx core.Tx) error {
				owner, err := tx.InsertAccount(core.Account{UUID: uuid.New(), ShortID: uuid.NewString()[:8], Login: uuid.NewString()})
				for i := range n {
					k := freshKey(t)
					k.Owner, k.Name, k.Shared = owner, fmt.Sprint("name ", (i*7)%12), i%2 == 0
					k.CreatedAt = begun.Add(time.Duration(rand.N(20)) * time.Second)
					ids, err := tx.InsertKeys(k)
					if err != nil {
						return err
					}
					k.ID = ids[0]
					keys = append(keys, k)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			add(20)
			for _, descending := range []bool{false, true} {
				wantPages(t, s, keys, descending, func() core.Filter { return nil })
				wantPages(t, s, keys, descending, func() core.Filter { return core.Compare{Attribute: core.KeySharedAttr, Op: core.Equal, Value: true} })
				for _, op := range []core.Op{core.GreaterOrEqual, core.LessOrEqual} {
					wantPages(t, s, keys, descending, func() core.Filter {
						return core.Compare{Attribute: core.KeyCreatedAttr, Op: op, Value: begun.Add(time.Duration(rand.N(22)) * time.Second)}
					})
				}
			}
		}
		if db.landmarks.Len() == 0 || db.ranges.Len() == 0 {
			t.Error("nothing was remembered")
		}
	})
}

var begun = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// wantPages reads pages here and there, each as a part of the whole.
func wantPages(t *testing.T, s *Store, keys []core.Key, descending bool, draw func() core.Filter) {
	t.Helper()
	for range 60 {
		where := draw()
		var want []core.KeyID
		for _, k := range inOrder(keys, descending) {
			if core.Holds(where, func(a core.Attribute) any {
				return map[core.Attribute]any{core.KeySharedAttr: k.Shared, core.KeyCreatedAttr: k.CreatedAt}[a]
			}) {
				want = append(want, k.ID)
			}
		}
		p := core.Page{Offset: max(rand.N(len(want)+7)-5, 0), Limit: 1 + rand.N(5)}
		q := core.KeyQuery{Where: where, Page: p, Order: []core.Order{{Attribute: core.KeyNameAttr, Descending: descending}}}
		err := s.View(t.Context(), func(tx core.Tx) error {
			list, n, err := tx.Keys(q)
			var got []core.KeyID
			for _, k := range list {
				got = append(got, k.ID)
			}
			part := want[min(p.Offset, len(want)):min(p.Offset+p.Limit, len(want))]
			if n != len(want) || !slices.Equal(got, part) {
				t.Errorf("page %+v of %d, %+v, descending %v = %v of %d, want %v", p, len(want), where, descending, got, n, part)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func inOrder(keys []core.Key, descending bool) []core.Key {
	return slices.SortedStableFunc(slices.Values(keys), func(a, b core.Key) int {
		if a.Name == b.Name {
			return int(a.ID - b.ID)
		}
		if (a.Name < b.Name) != descending {
			return -1
		}
		return 1
	})
}

func databaseOf(s *Store) *database {
	if e, ok := s.engine.(*sqliteEngine); ok {
		return e.db
	}
	return s.engine.(*postgresEngine).db
}

// freshKey is an Ed25519 key of no owner.
func freshKey(t *testing.T) core.Key {
	t.Helper()
	blob := append([]byte("\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20"), make([]byte, 32)...)
	_, _ = cryptorand.Read(blob[len(blob)-32:])
	public, err := sshkey.Stored(blob)
	if err != nil {
		t.Fatal(err)
	}
	return core.Key{UUID: uuid.New(), ShortID: uuid.NewString()[:8], Text: public.String(), Public: public}
}
