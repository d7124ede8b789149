package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/core"
)

// counting is a store with the keys and accounts that must be in it.
type counting struct {
	store    core.Store
	keys     map[core.KeyID]core.Key
	accounts map[core.AccountID]core.Account
}

// testCounts wants lists to tell how many there are of what is there now,
// however often they were asked before, and each actor of what he may see.
func testCounts(t *testing.T, s core.Store) {
	c := &counting{s, map[core.KeyID]core.Key{}, map[core.AccountID]core.Account{}}
	c.wantCounts(t, "an empty store")
	for _, step := range c.steps(t) {
		old := c.opened(t)
		if err := s.Update(t.Context(), step.change); err != nil && !errors.Is(err, errRefused) {
			t.Errorf("%s: Update() = %v", step.name, err)
		}
		c.wantCounts(t, step.name)
		old(step.name)
		c.wantCounts(t, "again after "+step.name)
	}
}

type countingStep struct {
	name   string
	change func(tx core.Tx) error
}

// steps change a store in every way that filters can see, and in some that are undone.
func (c *counting) steps(t *testing.T) []countingStep {
	var ada, bob core.Account
	var key, other core.Key
	organization, location := core.OrganizationID(1), core.LocationID(1)
	return []countingStep{
		{"accounts", func(tx core.Tx) error {
			return errors.Join(fails(tx.InsertOrganization(core.Organization{ID: organization, UUID: uuid.New(), Name: "acme"})),
				fails(tx.InsertLocation(core.Location{ID: location, UUID: uuid.New(), Name: "berlin"})),
				c.addAccount(t, tx, &ada, "ada"), c.addAccount(t, tx, &bob, "bob"))
		}},
		{"a key", func(tx core.Tx) error { return c.addKey(t, tx, &key, ada.ID, "laptop") }},
		{"a key of a neighbour", func(tx core.Tx) error { return c.addKey(t, tx, &other, bob.ID, "laptop of bob") }},
		{"keys in one change", func(tx core.Tx) error {
			var k core.Key
			return errors.Join(c.addKey(t, tx, &k, ada.ID, "desktop"), c.addKey(t, tx, &k, bob.ID, "Desktop 2"), c.addKey(t, tx, &k, bob.ID, "x"))
		}},
		{"sharing", func(tx core.Tx) error { other.Shared = true; return c.setKey(tx, other) }},
		{"a rename", func(tx core.Tx) error { other.Name = "station"; return c.setKey(tx, other) }},
		{"another owner", func(tx core.Tx) error { key.Owner = bob.ID; return c.setKey(tx, key) }},
		{"another time", func(tx core.Tx) error { key.CreatedAt = countedSince.Add(-time.Hour); return c.setKey(tx, key) }},
		{"sharing no more", func(tx core.Tx) error { other.Shared = false; return c.setKey(tx, other) }},
		{"another UUID of an owner", func(tx core.Tx) error { bob.UUID = countedUUID; return c.setAccount(tx, bob) }},
		{"an organization", func(tx core.Tx) error { bob.Organizations = []core.OrganizationID{1}; return c.setAccount(tx, bob) }},
		{"a location and a role", func(tx core.Tx) error {
			ada.Locations, ada.RoleIDs = []core.LocationID{1}, []core.RoleID{2}
			return c.setAccount(tx, ada)
		}},
		{"a log-in", func(tx core.Tx) error {
			ada.LastLoginAt = countedSince.Add(time.Hour)
			c.accounts[ada.ID] = ada
			return tx.SetLastLogin(ada.ID, ada.LastLoginAt)
		}},
		{"names of accounts", func(tx core.Tx) error {
			ada.FirstName, ada.Description, bob.Email = "Adalberta", "on the laptop", "BOB@Laptop.example"
			return errors.Join(c.setAccount(tx, ada), c.setAccount(tx, bob))
		}},
		{"no organization", func(tx core.Tx) error { bob.Organizations = nil; return c.setAccount(tx, bob) }},
		{"a change that is undone", func(tx core.Tx) error { return c.undone(t, tx, bob) }},
		{"a key less", func(tx core.Tx) error { delete(c.keys, other.ID); return tx.DeleteKey(other.ID) }},
		{"an account less", func(tx core.Tx) error {
			delete(c.accounts, ada.ID)
			return errors.Join(c.dropKeys(tx, ada.ID), tx.DeleteAccount(ada.ID))
		}},
	}
}

var (
	countedSince = time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	countedUUID  = uuid.New()
)

func (c *counting) addAccount(t *testing.T, tx core.Tx, to *core.Account, login string) error {
	a := sample[core.Account](t)
	a.ID, a.Login, a.Organizations, a.Locations, a.RoleIDs, a.LastLoginAt = 0, login, nil, nil, nil, time.Time{}
	a.DefaultOrganization, a.DefaultLocation = 0, 0
	id, err := tx.InsertAccount(a)
	a.ID = id
	*to, c.accounts[id] = a, a
	return err
}

func (c *counting) setAccount(tx core.Tx, a core.Account) error {
	c.accounts[a.ID] = a
	return tx.UpdateAccount(a)
}

func (c *counting) addKey(t *testing.T, tx core.Tx, to *core.Key, owner core.AccountID, name string) error {
	k := sample[core.Key](t)
	k.ID, k.Owner, k.Name, k.Shared, k.CreatedAt = 0, owner, name, false, countedSince
	k.UpdatedAt = countedSince.Add(time.Duration(len(c.keys)) * time.Microsecond)
	id, err := insertKey(tx, k)
	k.ID = id
	*to, c.keys[id] = k, k
	return err
}

func (c *counting) setKey(tx core.Tx, k core.Key) error {
	c.keys[k.ID] = k
	return tx.UpdateKey(k)
}

func (c *counting) dropKeys(tx core.Tx, owner core.AccountID) error {
	var errs []error
	for id, k := range c.keys {
		if k.Owner == owner {
			delete(c.keys, id)
			errs = append(errs, tx.DeleteKey(id))
		}
	}
	return errors.Join(errs...)
}

// undone makes changes that never were, counting what only they could see.
func (c *counting) undone(t *testing.T, tx core.Tx, owner core.Account) error {
	k := sample[core.Key](t)
	k.ID, k.Owner, k.Name, k.Shared = 0, owner.ID, "laptop", true
	owner.Disabled = !owner.Disabled
	errs := []error{fails(insertKey(tx, k)), tx.UpdateAccount(owner)}
	for _, where := range c.keyFilters() {
		errs = append(errs, fails2(tx.Keys(core.KeyQuery{Where: where})))
	}
	for _, where := range accountFilters() {
		errs = append(errs, fails2(tx.Accounts(core.AccountQuery{Where: where})))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return errRefused
}

// keyFilters are what staff, two accounts and portals ask for.
func (c *counting) keyFilters() []core.Filter {
	filters := []core.Filter{
		nil, is(core.KeySharedAttr, core.Equal, true), is(core.KeyOwnerUUIDAttr, core.Equal, countedUUID),
		is(core.KeyNameAttr, core.Contains, "lap"), is(core.KeyNameAttr, core.Contains, "LAPTOP"), is(core.KeyNameAttr, core.Contains, "p"),
		is(core.KeyNameAttr, core.Like, "%desk%p"),
		core.Not{Of: is(core.KeyNameAttr, core.Contains, "top")},
	}
	for _, after := range []time.Duration{time.Hour, 0, -time.Microsecond, time.Microsecond, -2 * time.Hour} {
		for _, a := range []core.Attribute{core.KeyCreatedAttr, core.KeyUpdatedAttr} {
			filters = append(filters, is(a, core.GreaterOrEqual, countedSince.Add(after)), core.And{is(a, core.LessOrEqual, countedSince.Add(after))})
		}
	}
	for id := range c.accounts {
		seen := core.Or{core.OwnedBy(id), is(core.KeySharedAttr, core.Equal, true)}
		filters = append(filters, core.OwnedBy(id), seen, core.And{seen, is(core.KeyNameAttr, core.Contains, "top")})
	}
	return filters
}

func accountFilters() []core.Filter {
	return []core.Filter{
		nil, is(core.AccountOrganizationAttr, core.Equal, 1), is(core.AccountLocationAttr, core.Equal, 1), is(core.AccountRoleAttr, core.Equal, 2),
		is(core.AccountLastLoginAttr, core.Greater, countedSince), is(core.AccountFirstNameAttr, core.Like, "%dalb%"),
		is(core.AccountDisabledAttr, core.Equal, true), is(core.AccountEmailAttr, core.Contains, "bob@lap"),
		core.And{is(core.AccountLoginAttr, core.Contains, "bob"), core.Not{Of: is(core.AccountDescriptionAttr, core.Contains, "laptop")}},
		core.Or{is(core.AccountLoginAttr, core.Contains, "ada"), is(core.AccountUUIDAttr, core.Equal, countedUUID), is(core.AccountDescriptionAttr, core.Like, "%lap%")},
	}
}

// wantCounts asks for everything twice: what was found the first time must not
// be another thing the second.
func (c *counting) wantCounts(t *testing.T, after string) {
	t.Helper()
	for range 2 {
		if err := c.store.View(t.Context(), func(tx core.Tx) error { return c.counts(tx, after) }); err != nil {
			t.Error(err)
		}
	}
}

// opened gives what a view that has begun already sees of now, whatever happens meanwhile.
func (c *counting) opened(t *testing.T) (check func(after string)) {
	keys, accounts := len(c.keys), len(c.accounts)
	begun, changed, done := make(chan error, 1), make(chan string), make(chan error, 1)
	go func() {
		done <- c.store.View(inBackground(t), func(tx core.Tx) error {
			_, err := tx.CountAccounts() // the snapshot is of now
			begun <- err
			after := <-changed
			for range 2 {
				_, n, err1 := tx.Keys(core.KeyQuery{})
				_, m, err2 := tx.Accounts(core.AccountQuery{})
				if err := errors.Join(err1, err2); err != nil || n != keys || m != accounts {
					return fmt.Errorf("a view that began before %s counts %d keys and %d accounts (%w), want %d and %d", after, n, m, err, keys, accounts)
				}
			}
			return nil
		})
	}()
	if err := <-begun; err != nil {
		t.Fatal(err)
	}
	return func(after string) {
		changed <- after
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func (c *counting) counts(tx core.Tx, after string) error {
	var errs []error
	for _, where := range c.keyFilters() {
		want := 0
		for _, k := range c.keys {
			if core.Holds(where, c.keyAttributes(k)) {
				want++
			}
		}
		list, n, err := tx.Keys(core.KeyQuery{Where: where})
		if err != nil {
			return err
		}
		if n != want || len(list) != want {
			errs = append(errs, fmt.Errorf("after %s %+v finds %d of %d keys, want %d", after, where, len(list), n, want))
		}
	}
	for _, where := range accountFilters() {
		want := 0
		for _, a := range c.accounts {
			if core.Holds(where, countedAttributes(a)) {
				want++
			}
		}
		list, n, err := tx.Accounts(core.AccountQuery{Where: where})
		if err != nil {
			return err
		}
		if n != want || len(list) != want {
			errs = append(errs, fmt.Errorf("after %s %+v finds %d of %d accounts, want %d", after, where, len(list), n, want))
		}
	}
	return errors.Join(errs...)
}

func (c *counting) keyAttributes(k core.Key) func(core.Attribute) any {
	return func(name core.Attribute) any {
		return map[core.Attribute]any{ //nolint:exhaustive // those that are asked for
			core.KeyNameAttr: k.Name, core.KeyOwnerAttr: k.Owner, core.KeyOwnerUUIDAttr: c.accounts[k.Owner].UUID,
			core.KeySharedAttr: k.Shared, core.KeyCreatedAttr: k.CreatedAt, core.KeyUpdatedAttr: k.UpdatedAt,
		}[name]
	}
}

func countedAttributes(a core.Account) func(core.Attribute) any {
	known := attributes(a)
	return func(name core.Attribute) any {
		if name == core.AccountUUIDAttr {
			return a.UUID
		}
		return known(name)
	}
}
