package scopedsearch_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"keyrack/internal/core"
	"keyrack/internal/scopedsearch"
	"keyrack/internal/store"
	"keyrack/internal/store/storetest"
)

// The databases find what the table says, too.
func TestStoresFindTheSameKeys(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		fill(t, s)
		for _, tt := range keyQueries {
			if got := stored(t, s, core.KeyQuery{Where: parse(t, tt.query, keyFields)}); !slices.Equal(got, tt.want) {
				t.Errorf("%q finds %v, want %v", tt.query, got, tt.want)
			}
		}
		for _, tt := range examples {
			f := core.And{core.Compare{Attribute: core.KeyIDAttr, Op: core.LessOrEqual, Value: 4}, parse(t, tt.query, keyFields)}
			if got := stored(t, s, core.KeyQuery{Where: f}); !slices.Equal(got, tt.want) {
				t.Errorf("%q finds %v of the examples, want %v", tt.query, got, tt.want)
			}
		}
	})
}

func TestStoresFindTheSameUsers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		fillPeople(t, s)
		for _, tt := range userQueries {
			if got := storedUsers(t, s, parse(t, tt.query, userFields)); !slices.Equal(got, tt.want) {
				t.Errorf("%q finds %v, want %v", tt.query, got, tt.want)
			}
		}
	})
}

// fillPeople keeps the people and their organizations.
func fillPeople(t *testing.T, s *store.Store) {
	t.Helper()
	err := s.Update(t.Context(), func(tx core.Tx) error {
		for id, name := range organizations {
			if _, err := tx.InsertOrganization(core.Organization{ID: id, UUID: uuid.New(), Name: name}); err != nil {
				return err
			}
		}
		for _, a := range people {
			a.UUID, a.ShortID = uuid.New(), a.Login
			if _, err := tx.InsertAccount(a); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func storedUsers(t *testing.T, s *store.Store, f core.Filter) ids {
	t.Helper()
	var found ids
	err := s.View(t.Context(), func(tx core.Tx) error {
		found = nil
		byID := []core.Order{{Attribute: core.AccountIDAttr}}
		accounts, _, err := tx.Accounts(core.AccountQuery{Where: f, Order: byID})
		for _, a := range accounts {
			found = append(found, int64(a.ID))
		}
		return err
	})
	if err != nil {
		t.Errorf("Accounts(): %v", err)
	}
	return found
}

// fill keeps the keys and their two owners.
func fill(t *testing.T, s *store.Store) {
	t.Helper()
	err := s.Update(t.Context(), func(tx core.Tx) error {
		for id, login := range map[core.AccountID]string{7: "ada", 8: "bob"} {
			if _, err := tx.InsertAccount(core.Account{ID: id, UUID: uuid.New(), ShortID: login, Login: login}); err != nil {
				return err
			}
		}
		for _, k := range keys {
			id, name := k["id"].(int64), k["name"].(string)
			ids, err := tx.InsertKeys(core.Key{
				UUID: uuid.New(), ShortID: strings.Repeat("k", int(id)), Owner: core.AccountID(k["owner"].(int64)),
				Name: name, Public: storetest.NewPublicKey(t),
			})
			if err != nil {
				return err
			}
			if int64(ids[0]) != id {
				return fmt.Errorf("key %q was given id %d, want %d", name, ids[0], id)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func stored(t *testing.T, s *store.Store, q core.KeyQuery) ids {
	t.Helper()
	var found ids
	err := s.View(t.Context(), func(tx core.Tx) error {
		found = nil
		keys, n, err := tx.Keys(q)
		for _, k := range keys {
			found = append(found, int64(k.ID))
		}
		if n != len(keys) {
			t.Errorf("Keys() counts %d of %d", n, len(keys))
		}
		return err
	})
	if err != nil {
		t.Errorf("Keys(): %v", err)
	}
	return found
}

// Hostile texts and queries made up of whatever the language has find on both
// databases what they find in memory.
func TestStoresAgreeOnHostileQueries(t *testing.T) {
	t.Parallel()
	var queries []string
	for _, text := range hostile {
		queries = append(queries, text)
		for _, template := range templates {
			queries = append(queries, fmt.Sprintf(template, quote(text)))
		}
	}
	for seed := range 1000 {
		queries = append(queries, strings.Join(madeUp.Example(seed), " "))
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		fill(t, s)
		asked := 0
		for _, query := range queries {
			f, err := scopedsearch.Parse(query, keyFields, now)
			if err != nil {
				checkError(t, err)
				continue
			}
			asked++
			if got, want := stored(t, s, core.KeyQuery{Where: f}), found(f, keys); !slices.Equal(got, want) {
				t.Errorf("%q finds %v, want %v", query, got, want)
			}
		}
		if asked < len(queries)/2 {
			t.Errorf("%d of %d queries were asked, want half at least", asked, len(queries))
		}
	})
}

// madeUp is a list of parts of queries.
var madeUp = rapid.SliceOfN(rapid.SampledFrom([]string{
	"laptop", "desktop", `"Work Laptop"`, "x_y", "*top", "l%", `a\\b`, "größe", "name", "name = laptop", "name ~ a", "name !~ _a*", "name > k",
	"name ^ (laptop, x_y)", "name !^ (and)", "id = 3", "id < 7", "id >= 5", "id <> 99999999999999999999", "user_id = 8", "null? name", "has name",
	"and", "or", "not", "(", ")", ",", "-", "|", "&", "=", "!=", "~",
}), 1, 12)

// Both databases order texts byte by byte.
func TestStoresOrderTheSame(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		fill(t, s)
		for text, want := range map[string]ids{
			"":             {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
			"id DESC":      {12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1},
			"name":         {5, 7, 2, 6, 9, 3, 8, 1, 11, 4, 10, 12},
			"name DESC":    {12, 10, 4, 1, 11, 8, 3, 9, 6, 2, 7, 5},
			"user_id DESC": {11, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10},
		} {
			o, err := scopedsearch.ParseOrder(text, keyFields)
			if err != nil {
				t.Fatal(err)
			}
			if got := stored(t, s, core.KeyQuery{Order: o.By}); !slices.Equal(got, want) {
				t.Errorf("ordered by %q: %v, want %v", text, got, want)
			}
		}
	})
}
