package core

import "keyrack/internal/sshkey"

// Filter is a condition on the items of a list: a tree of comparisons, made of
// [And], [Or], [Not] and [Compare]. nil selects everything. It carries values
// and names, never text of a query language; the store binds its values.
type Filter interface{ isFilter() }

// And holds where all of its parts do; with none it holds everywhere.
type And []Filter

// Or holds where one of its parts does; with none it holds nowhere.
type Or []Filter

// Not holds where its part does not, also where that is a comparison with an
// attribute that is not set.
type Not struct{ Of Filter }

// Compare holds where the attribute stands so to the value. With an attribute that is
// not set no comparison holds but [IsUnset].
type Compare struct {
	Attribute Attribute
	Op        Op
	// Value is a string, bool, time.Time, uuid.UUID, []byte or an integer of any
	// type, as the attribute has it; for [OneOf] and [NotOneOf] a []any of them; for [IsUnset] nothing.
	Value any
}

func (And) isFilter()     {}
func (Or) isFilter()      {}
func (Not) isFilter()     {}
func (Compare) isFilter() {}

// Op is how an attribute and a value are compared.
type Op uint8

// The comparisons. Texts are compared byte by byte, but for Contains and Like,
// which do not see case.
const (
	Equal Op = iota
	NotEqual
	Less
	LessOrEqual
	Greater
	GreaterOrEqual
	Contains // the value is a part of the text
	Like     // the text has the form of the value: % is any text, _ any character, a backslash takes the next as it is
	NotLike  // the text has not that form
	OneOf    // the attribute equals one of the values; none: it never does
	NotOneOf // the attribute equals none of the values
	IsUnset
)

// Attribute is what a list can be filtered and ordered by. Each list knows its own;
// an unknown one is an error of the program.
type Attribute string

// The attributes of keys.
const (
	KeyIDAttr      Attribute = "id"       // KeyID
	KeyUUIDAttr    Attribute = "uuid"     // uuid.UUID
	KeyShortIDAttr Attribute = "short_id" // string
	KeyOwnerAttr   Attribute = "owner"    // AccountID
	KeyNameAttr    Attribute = "name"     // string

	// KeyOwnerUUIDAttr is the UUID of the owner's account; only [Equal].
	KeyOwnerUUIDAttr Attribute = "owner.uuid" // uuid.UUID

	KeyTypeAttr    Attribute = "algorithm"  // string, as "ssh-ed25519"
	KeySharedAttr  Attribute = "shared"     // bool
	KeyCreatedAttr Attribute = "created_at" // time.Time
	KeyUpdatedAttr Attribute = "updated_at" // time.Time
	KeyMD5Attr     Attribute = "md5"        // []byte
	KeySHA256Attr  Attribute = "sha256"     // []byte
	KeySHA512Attr  Attribute = "sha512"     // []byte
)

// The attributes of accounts.
const (
	AccountIDAttr       Attribute = "id"         // AccountID
	AccountUUIDAttr     Attribute = "uuid"       // uuid.UUID
	AccountLoginAttr    Attribute = "login"      // string
	AccountNameAttr     Attribute = "name"       // string
	AccountEmailAttr    Attribute = "email"      // string
	AccountAdminAttr    Attribute = "admin"      // bool
	AccountSupportAttr  Attribute = "support"    // bool
	AccountDisabledAttr Attribute = "disabled"   // bool
	AccountCreatedAttr  Attribute = "created_at" // time.Time
	AccountExpiresAttr  Attribute = "expires_at" // time.Time; not set: never

	AccountFirstNameAttr   Attribute = "first_name"    // string
	AccountLastNameAttr    Attribute = "last_name"     // string
	AccountDescriptionAttr Attribute = "description"   // string
	AccountLastLoginAttr   Attribute = "last_login_at" // time.Time, may be unset

	// Of these an account has any number; a comparison holds where it does with
	// one of them. Nothing is ordered by them.
	AccountRoleAttr          Attribute = "role_id"           // RoleID
	AccountOrganizationAttr  Attribute = "organization_id"   // OrganizationID
	AccountLocationAttr      Attribute = "location_id"       // LocationID
	AccountOrganizationNamed Attribute = "organization_name" // string
	AccountLocationNamed     Attribute = "location_name"     // string
)

// Order is by what a list is ordered. Texts are ordered byte by byte; what is
// not set comes first ascending and last descending. Ties are ordered by id.
type Order struct {
	Attribute  Attribute
	Descending bool
}

// OwnedBy selects the keys of an account.
func OwnedBy(id AccountID) Filter { return Compare{KeyOwnerAttr, Equal, id} }

// HasFingerprint selects the keys with a fingerprint.
func HasFingerprint(f sshkey.Fingerprint) Filter {
	attribute := map[sshkey.Hash]Attribute{
		sshkey.HashMD5: KeyMD5Attr, sshkey.HashSHA256: KeySHA256Attr, sshkey.HashSHA512: KeySHA512Attr,
	}[f.Hash]
	return Compare{attribute, Equal, f.Sum}
}

// both holds where the two filters do, either of which may be nil.
func both(a, b Filter) Filter {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return And{a, b}
}
