package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/core"
)

// filtered are accounts in which filters find differences.
func filtered() []core.Account {
	seen := time.Date(2024, 10, 24, 9, 21, 3, 0, time.UTC)
	return []core.Account{
		{ID: 1, Login: "ada", Email: "Ada@Example.org", FirstName: "ÅSA", LastName: "Größe", LastLoginAt: seen, Roles: core.Roles{Admin: true}},
		{ID: 2, Login: "Bob", Description: `100% a\b x_y`, LastLoginAt: seen.Add(time.Microsecond), Organizations: []core.OrganizationID{1}, RoleIDs: []core.RoleID{2, 3}},
		{ID: 3, Login: "carl", FirstName: "Zoë", LastName: "ΟΔΌΣ", Disabled: true, Organizations: []core.OrganizationID{1, 2}, Locations: []core.LocationID{2}},
		{ID: 4, Login: "dan", FirstName: "İdil", Description: "xay ends in \\", Organizations: []core.OrganizationID{2}, Locations: []core.LocationID{1, 2}, RoleIDs: []core.RoleID{2}},
		{ID: 5, Login: "eve", Description: strings.Repeat("鍵", 40), LastName: "ẞ \U00010400", Locations: []core.LocationID{1}, RoleIDs: []core.RoleID{1}},
	}
}

var (
	filteredOrganizations = map[core.OrganizationID]string{1: "ACME Ölwerk", 2: "zeta"}
	filteredLocations     = map[core.LocationID]string{1: "Zürich", 2: "100% _remote_"}
)

// attributes are those of an account as a filter sees them.
func attributes(a core.Account) func(core.Attribute) any {
	var organizations, names, locations, places, roles []any
	for _, o := range a.Organizations {
		organizations, names = append(organizations, o), append(names, filteredOrganizations[o])
	}
	for _, l := range a.Locations {
		locations, places = append(locations, l), append(places, filteredLocations[l])
	}
	for _, r := range a.RoleIDs {
		roles = append(roles, r)
	}
	values := map[core.Attribute]any{ //nolint:exhaustive // those in which the accounts differ
		core.AccountIDAttr: a.ID, core.AccountLoginAttr: a.Login, core.AccountEmailAttr: a.Email, core.AccountFirstNameAttr: a.FirstName,
		core.AccountLastNameAttr: a.LastName, core.AccountDescriptionAttr: a.Description, core.AccountAdminAttr: a.Roles.Admin,
		core.AccountDisabledAttr: a.Disabled, core.AccountOrganizationAttr: organizations, core.AccountOrganizationNamed: names,
		core.AccountLocationAttr: locations, core.AccountLocationNamed: places, core.AccountRoleAttr: roles,
	}
	if !a.LastLoginAt.IsZero() {
		values[core.AccountLastLoginAttr] = a.LastLoginAt
	}
	return func(name core.Attribute) any { return values[name] }
}

// testFilters wants filters to find what [core.Holds] says: every comparison of
// every sort of attribute, alone, and many of them denied or joined.
func testFilters(t *testing.T, s core.Store) {
	accounts := filtered()
	update(t, s, func(tx core.Tx) error {
		var errs []error
		for id, name := range filteredOrganizations {
			_, err := tx.InsertOrganization(core.Organization{ID: id, UUID: uuid.New(), Name: name})
			errs = append(errs, err)
		}
		for id, name := range filteredLocations {
			_, err := tx.InsertLocation(core.Location{ID: id, UUID: uuid.New(), Name: name})
			errs = append(errs, err)
		}
		for i, a := range accounts {
			a.UUID, a.ShortID = uuid.New(), fmt.Sprint("short", i)
			_, err := tx.InsertAccount(core.Account{ID: a.ID, UUID: a.UUID, ShortID: a.ShortID, Login: a.Login})
			errs = append(errs, err, tx.UpdateAccount(a)) // folded texts follow changes
		}
		return errors.Join(errs...)
	})
	for i, f := range comparisons(accounts) {
		wantFiltered(t, s, f, accounts)
		switch i % 4 { // each fourth, or it takes long
		case 0:
			wantFiltered(t, s, core.Not{Of: f}, accounts)
		case 1:
			wantFiltered(t, s, core.Or{f, is(core.AccountIDAttr, core.Equal, 5)}, accounts)
		case 2:
			wantFiltered(t, s, core.And{core.Not{Of: f}, core.Or{is(core.AccountIDAttr, core.Less, 4), f}}, accounts)
		}
	}
	for _, f := range []core.Filter{nil, core.And{}, core.Or{}, core.Not{Of: core.And{}}, core.Not{Of: core.Or{}}, core.And{core.Or{}, core.And{}}} {
		wantFiltered(t, s, f, accounts)
	}
}

func is(a core.Attribute, op core.Op, value any) core.Filter {
	return core.Compare{Attribute: a, Op: op, Value: value}
}

func comparisons(accounts []core.Account) []core.Filter {
	var all []core.Filter
	add := func(a core.Attribute, values []any, ops ...core.Op) {
		all = append(all, is(a, core.IsUnset, nil))
		for _, op := range ops {
			if op == core.OneOf || op == core.NotOneOf {
				all = append(all, is(a, op, values), is(a, op, values[:1]), is(a, op, []any{}))
				continue
			}
			for _, v := range values {
				all = append(all, is(a, op, v))
			}
		}
	}
	ordered := []core.Op{core.Equal, core.NotEqual, core.Less, core.LessOrEqual, core.Greater, core.GreaterOrEqual, core.OneOf, core.NotOneOf}
	texts := append(slices.Clone(ordered), core.Contains, core.Like, core.NotLike)
	words := []any{
		"ada", "ADA", "Bob", "bob", "%a%", "_da", `%\_y`, `%100\%%`, "%x_y%", `a\\b`, `%a\\b%`, `%\`, `\`, `\\`, "åsa", "ÅSA", "%ß%", "ẞ", "größe",
		"ΟΔΌΣ", "%όσ", "οδός", "İ", "i%", "鍵", "%鍵", "𐐨", "", "%", "_", "'", `"; DROP TABLE accounts; --`, "?", "$1", "ölwerk", "zeta", "ZETA%",
		"0% A", "100x_y", "%100x\\_y%", // the last two are there in parts, not as a whole
	}
	for _, a := range []core.Attribute{core.AccountLoginAttr, core.AccountEmailAttr, core.AccountFirstNameAttr, core.AccountLastNameAttr,
		core.AccountDescriptionAttr, core.AccountOrganizationNamed} {
		add(a, words, texts...)
	}
	add(core.AccountLocationNamed, []any{"Zürich", "zürich", "Z%", "%ÜR%", "%\\%%", "\\__", "__remote_", "100% _remote_", "", "?"}, texts...)
	at := accounts[0].LastLoginAt
	add(core.AccountLastLoginAttr, []any{at, at.Add(time.Microsecond), at.AddDate(9000-2024, 0, 0), time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC)}, ordered...)
	add(core.AccountIDAttr, []any{core.AccountID(3), int64(-1 << 63), int64(1<<63 - 1), 0}, ordered...)
	add(core.AccountOrganizationAttr, []any{core.OrganizationID(1), 2, int64(1<<63 - 1)}, ordered...)
	add(core.AccountLocationAttr, []any{core.LocationID(1), 2, 3}, ordered...)
	add(core.AccountRoleAttr, []any{core.RoleID(2), 3, 0}, ordered...)
	add(core.AccountAdminAttr, []any{true, false}, core.Equal, core.NotEqual)
	add(core.AccountDisabledAttr, []any{true, false}, core.Equal, core.NotEqual)
	return all
}

func wantFiltered(t *testing.T, s core.Store, f core.Filter, accounts []core.Account) {
	t.Helper()
	var want, got []core.AccountID
	for _, a := range accounts {
		if core.Holds(f, attributes(a)) {
			want = append(want, a.ID)
		}
	}
	byID := []core.Order{{Attribute: core.AccountIDAttr}}
	err := s.View(t.Context(), func(tx core.Tx) error {
		got = nil
		found, _, err := tx.Accounts(core.AccountQuery{Where: f, Order: byID})
		for _, a := range found {
			got = append(got, a.ID)
		}
		return err
	})
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v finds %v (%v), want %v", f, got, err, want)
	}
}
