package core

import (
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
	Email         string // may be empty; need not be unique
	Roles         Roles
	PasswordHash  string // argon2id in PHC form; empty: no password
	Disabled      bool
	ExpiresAt     time.Time // zero: never
	Organizations []OrganizationID
	Locations     []LocationID
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

// ActiveAt tells whether the account may log in and its keys be served.
func (a Account) ActiveAt(now time.Time) bool {
	return !a.Disabled && (a.ExpiresAt.IsZero() || now.Before(a.ExpiresAt))
}

// OrganizationID is an organization's integer id.
type OrganizationID int64

// Organization is where accounts, projects and applications belong.
type Organization struct {
	ID        OrganizationID
	UUID      uuid.UUID
	Name      string // unique
	CreatedAt time.Time
	UpdatedAt time.Time
}

// LocationID is a location's integer id.
type LocationID int64

// Location is the second axis accounts are sorted by, as in Foreman.
type Location struct {
	ID        LocationID
	UUID      uuid.UUID
	Name      string // unique
	CreatedAt time.Time
	UpdatedAt time.Time
}
