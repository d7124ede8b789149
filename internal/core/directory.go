package core

import (
	"context"
	"slices"
)

// The directory is the accounts as those see them who manage some of them: who
// has the rights ([Right]) for the organizations and locations he shares.

// Scope narrows the directory to an organization, a location or both. The zero
// Scope is all that the actor sees.
type Scope struct {
	Organization OrganizationID
	Location     LocationID
}

// ErrNoAccount says that the account is not there, or not to be seen.
var ErrNoAccount = errNoAccount

// sight says which accounts an actor sees: everybody, or himself and those of
// the organizations and of the locations. A list without entries does not
// count; where both have none, nobody is seen by them.
type sight struct {
	everybody     bool
	self          AccountID
	admins        bool // they are seen too
	organizations []OrganizationID
	locations     []LocationID
}

// sightOf is what the actor sees in a scope. Those who read everything see, in
// a scope, who belongs there, and all administrators. Others see who shares an
// organization and a location with them, as far as they have any.
func sightOf(tx Tx, by Actor, in Scope) (sight, error) {
	if by.readsAll() {
		v := sight{everybody: in == Scope{}, self: by.account, admins: true}
		if in.Organization != 0 {
			v.organizations = []OrganizationID{in.Organization}
		}
		if in.Location != 0 {
			v.locations = []LocationID{in.Location}
		}
		return v, nil
	}
	if by.kind != ActorAccount {
		return sight{}, errDenied
	}
	self, err := tx.Account(by.account)
	if err != nil {
		return sight{}, as(errBadCredential, err)
	}
	return sight{self: self.ID, organizations: self.Organizations, locations: self.Locations}.within(in), nil
}

// within narrows the sight of one who does not read everything to a scope of
// his own.
func (v sight) within(in Scope) sight {
	mine := (in.Organization == 0 || contains(v.organizations, in.Organization)) &&
		(in.Location == 0 || contains(v.locations, in.Location))
	if !mine {
		return sight{self: v.self}
	}
	if in.Organization != 0 {
		v.organizations = []OrganizationID{in.Organization}
	}
	if in.Location != 0 {
		v.locations = []LocationID{in.Location}
	}
	return v
}

// sees tells whether the account is seen.
func (v sight) sees(a Place) bool {
	switch {
	case v.everybody, a.ID == v.self, v.admins && a.Admin:
		return true
	case len(v.organizations)+len(v.locations) == 0:
		return false
	}
	return shares(v.organizations, a.Organizations) && shares(v.locations, a.Locations)
}

func shares[T comparable](wanted, has []T) bool {
	return len(wanted) == 0 || slices.ContainsFunc(wanted, func(v T) bool { return contains(has, v) })
}

// filter selects the accounts that sees lets pass.
func (v sight) filter() Filter {
	if v.everybody {
		return nil
	}
	seen := Or{Compare{AccountIDAttr, Equal, v.self}}
	if v.admins {
		seen = append(seen, Compare{AccountAdminAttr, Equal, true})
	}
	var shared And
	if len(v.organizations) > 0 {
		shared = append(shared, Compare{AccountOrganizationAttr, OneOf, anyOf(v.organizations)})
	}
	if len(v.locations) > 0 {
		shared = append(shared, Compare{AccountLocationAttr, OneOf, anyOf(v.locations)})
	}
	if len(shared) > 0 {
		seen = append(seen, shared)
	}
	return seen
}

func anyOf[T any](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}

// seen gives the account where the actor sees it.
func seen(tx Tx, by Actor, in Scope, id AccountID) (Account, error) {
	v, err := sightOf(tx, by, in)
	if err != nil {
		return Account{}, err
	}
	account, err := tx.Account(id)
	if err == nil && !v.sees(account.place()) {
		return Account{}, ErrNoAccount
	}
	return account, as(ErrNoAccount, err)
}

// User is an account with what belongs to it.
type User struct {
	Account
	Keys          []Key          // by id
	Organizations []Organization // by name
	Locations     []Location     // by name
}

// Users lists the accounts that the actor sees in the scope and says how many
// match in all. For those who have [ViewUsers].
func (s *Service) Users(ctx context.Context, by Actor, in Scope, q AccountQuery) ([]User, int, error) {
	if err := by.Require(ViewUsers, 0); err != nil {
		return nil, 0, err
	}
	var total int
	list, err := view(ctx, s, func(tx Tx) ([]User, error) {
		v, err := sightOf(tx, by, in)
		if err != nil {
			return nil, err
		}
		q := AccountQuery{Where: both(v.filter(), q.Where), Order: q.Order, Page: q.Page.clamped()}
		accounts, n, err := tx.Accounts(q)
		if err != nil {
			return nil, err
		}
		total = n
		return withBelongings(tx, accounts)
	})
	return list, total, err
}

// User gives an account that the actor sees in the scope, to itself and those
// who have [ViewUsers].
func (s *Service) User(ctx context.Context, by Actor, in Scope, id AccountID) (User, error) {
	if err := by.Require(ViewUsers, id); err != nil {
		return User{}, err
	}
	return view(ctx, s, func(tx Tx) (User, error) {
		account, err := seen(tx, by, in, id)
		if err != nil {
			return User{}, err
		}
		return withBelonging(tx, account)
	})
}

// UserID gives the id of the account that the actor sees in the scope and
// whose login is exactly this: to itself and those who have the right.
func (s *Service) UserID(ctx context.Context, by Actor, in Scope, right Right, login string) (AccountID, error) {
	self := AccountID(0)
	if by.name == login {
		self = by.account
	}
	if err := by.Require(right, self); err != nil {
		return 0, err
	}
	return view(ctx, s, func(tx Tx) (AccountID, error) {
		account, err := accountByLogin(tx, login)
		if err != nil {
			return 0, err
		}
		if account.Login != login {
			return 0, ErrNoAccount
		}
		account, err = seen(tx, by, in, account.ID)
		return account.ID, err
	})
}

func withBelonging(tx Tx, account Account) (User, error) {
	users, err := withBelongings(tx, []Account{account})
	if err != nil {
		return User{}, err
	}
	return users[0], nil
}

// withBelongings adds to accounts what belongs to them, with the same number of
// queries for a few as for one.
func withBelongings(tx Tx, accounts []Account) ([]User, error) {
	if len(accounts) == 0 {
		return nil, nil
	}
	organizations, err := tx.Organizations()
	if err != nil {
		return nil, err
	}
	locations, err := tx.Locations()
	if err != nil {
		return nil, err
	}
	keys, err := keysOf(tx, accounts)
	if err != nil {
		return nil, err
	}
	users := make([]User, len(accounts))
	for i, a := range accounts {
		users[i] = User{
			Account: a, Keys: keys[a.ID],
			Organizations: only(organizations, func(o Organization) bool { return contains(a.Organizations, o.ID) }),
			Locations:     only(locations, func(l Location) bool { return contains(a.Locations, l.ID) }),
		}
	}
	return users, nil
}

func only[T any](list []T, keep func(T) bool) []T {
	var out []T
	for _, v := range list {
		if keep(v) {
			out = append(out, v)
		}
	}
	return out
}

// ownersAtOnce bounds the arguments of one query.
const ownersAtOnce = 500

func keysOf(tx Tx, accounts []Account) (map[AccountID][]Key, error) {
	keys := map[AccountID][]Key{}
	for chunk := range slices.Chunk(accounts, ownersAtOnce) {
		owners := make([]any, len(chunk))
		for i, a := range chunk {
			owners[i] = a.ID
		}
		found, _, err := tx.Keys(KeyQuery{Where: Compare{KeyOwnerAttr, OneOf, owners}})
		if err != nil {
			return nil, err
		}
		for _, k := range found {
			keys[k.Owner] = append(keys[k.Owner], k)
		}
	}
	return keys, nil
}

// OrganizationsOf lists the organizations that the actor may work in, by name:
// all for those who read everything, else his own.
func (s *Service) OrganizationsOf(ctx context.Context, by Actor) ([]Organization, error) {
	return view(ctx, s, func(tx Tx) ([]Organization, error) {
		all, err := tx.Organizations()
		if err != nil || by.readsAll() {
			return all, err
		}
		v, err := sightOf(tx, by, Scope{})
		return only(all, func(o Organization) bool { return contains(v.organizations, o.ID) }), err
	})
}

// LocationsOf lists the locations that the actor may work in, by name: all for
// those who read everything, else his own.
func (s *Service) LocationsOf(ctx context.Context, by Actor) ([]Location, error) {
	return view(ctx, s, func(tx Tx) ([]Location, error) {
		all, err := tx.Locations()
		if err != nil || by.readsAll() {
			return all, err
		}
		v, err := sightOf(tx, by, Scope{})
		return only(all, func(l Location) bool { return contains(v.locations, l.ID) }), err
	})
}
