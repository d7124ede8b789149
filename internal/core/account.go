package core

import (
	"strings"
	"time"

	"github.com/google/uuid"
)

// AccountID is an account's integer id.
type AccountID int64

// Roles are what an account may do beyond its own keys.
type Roles struct {
	Admin   bool // may change everything (Waldur staff, Foreman admin)
	Support bool // may read everything
}

// Account is a person or a service that owns keys.
type Account struct {
	ID            AccountID
	UUID          uuid.UUID
	ShortID       string // 8 characters, see [NewShortID]
	Login         string // unique without regard to case
	Name          string
	FirstName     string // these two are Name in parts, see setName and setNames
	LastName      string
	Description   string
	Locale        string // as "de" or "pt_BR"; empty: the server's
	TimeZone      string // as its product names it; empty: UTC
	NoMail        bool   // wants no messages
	Email         string // may be empty; need not be unique
	Roles         Roles
	PasswordHash  string // argon2id in PHC form; empty: no password
	Disabled      bool
	ExpiresAt     time.Time // zero: never
	Organizations []OrganizationID
	Locations     []LocationID
	Rights        []Right  // beyond its own keys
	RoleIDs       []RoleID // bundles of more rights, see [GrantRoles]
	LastLoginAt   time.Time
	CreatedAt     time.Time
	UpdatedAt     time.Time

	DefaultOrganization OrganizationID // zero: none
	DefaultLocation     LocationID     // zero: none
}

// setName gives the account a name, and divides it into first and last.
func (a *Account) setName(name string) {
	a.Name = name
	a.FirstName, a.LastName, _ = strings.Cut(name, " ")
}

// setNames gives the account a name in parts.
func (a *Account) setNames(first, last string) {
	a.FirstName, a.LastName, a.Name = first, last, strings.TrimSpace(first+" "+last)
}

// ActiveAt tells whether the account may log in and its keys be served.
func (a Account) ActiveAt(now time.Time) bool { return a.Holder().ActiveAt(now) }

// Holder is what of an account decides who it is and what it may do.
type Holder struct {
	ID        AccountID
	Login     string
	Roles     Roles
	Rights    []Right
	RoleIDs   []RoleID
	Disabled  bool
	ExpiresAt time.Time // zero: never
	TimeZone  string    // as its product names it; empty: UTC
}

// Holder gives the account's part in authentication.
func (a Account) Holder() Holder {
	return Holder{
		ID: a.ID, Login: a.Login, Roles: a.Roles, Rights: a.Rights, RoleIDs: a.RoleIDs,
		Disabled: a.Disabled, ExpiresAt: a.ExpiresAt, TimeZone: a.TimeZone,
	}
}

// ActiveAt tells whether the account may log in and its keys be served.
func (h Holder) ActiveAt(now time.Time) bool { return !h.Disabled && !expired(h.ExpiresAt, now) }

// Place is what of an account decides who sees it.
type Place struct {
	ID            AccountID
	Admin         bool
	Organizations []OrganizationID
	Locations     []LocationID
}

func (a Account) place() Place { return Place{a.ID, a.Roles.Admin, a.Organizations, a.Locations} }

// OrganizationID is an organization's integer id.
type OrganizationID int64

// Organization is where accounts, projects and applications belong.
type Organization struct {
	ID        OrganizationID
	UUID      uuid.UUID
	Name      string // unique by its [Identity]
	CreatedAt time.Time
	UpdatedAt time.Time
}

// LocationID is a location's integer id.
type LocationID int64

// Location is the second axis accounts are sorted by, as in Foreman.
type Location struct {
	ID        LocationID
	UUID      uuid.UUID
	Name      string // unique by its [Identity]
	CreatedAt time.Time
	UpdatedAt time.Time
}
