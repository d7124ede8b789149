package core

import (
	"time"

	"github.com/google/uuid"
)

// DeviceID is a device's integer id.
type DeviceID int64

// Device is a machine the vault knows.
type Device struct {
	ID             DeviceID
	UUID           uuid.UUID
	Hostname       string         // unique by its [Identity]
	Organization   OrganizationID // whose applications know of it; zero: all
	Address        string         // an IP address, a name or a URL
	Type           string
	Vendor         string
	Model          string
	Site           string
	Domains        []string // of those that `settings: devices:` lists
	Connectivities []string // protocol and port, as "SSH:22"
	RemoteConfig   string   // of remote sessions; kept, not read
	Tags           []string
	Disabled       bool // and with it the keys on it, at that moment
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// ApplicationID is an application's integer id.
type ApplicationID int64

// Application is a program that reads or writes the vault (an A2A client).
type Application struct {
	ID             ApplicationID
	UUID           uuid.UUID
	Name           string         // unique by its [Identity]
	Organization   OrganizationID // zero: none
	Description    string
	Tags           []string
	Disabled       bool // none of its authorizations is taken then
	Authorizations []Authorization
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// AuthorizationID is an authorization's integer id.
type AuthorizationID int64

// Permission is what an authorization allows.
type Permission string

// The permissions.
const (
	ReadOnly  Permission = "read-only"
	ReadWrite Permission = "read-write"
)

// Authorization is one set of credentials and permissions of an application.
type Authorization struct {
	ID          AuthorizationID
	UUID        uuid.UUID
	Application ApplicationID
	Name        string // unique within the application
	Description string
	System      string // what it is for, and where: for people
	Environment string
	Permission  Permission
	Resources   []string // what of the product it may use, see Resources
	AllowedIPs  []string // addresses, prefixes, or "*"; none: from nowhere
	Referers    []string // URLs that the Referer header must be at or below; none: any
	Certificate string   // SHA-256 of the client's certificate, lower-case hex; empty: any or none
	Keys        []string // identifiers of managed keys assigned to it
	Devices     []string // hostnames, whose keys are assigned to it
	Disabled    bool
	ExpiresAt   time.Time // zero: never
	OAuth2      *OAuth2Client
	OAuth1      *OAuth1Client
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// OAuth2Client is a client of the client credentials grant (RFC 6749, 4.4).
type OAuth2Client struct {
	ClientID   string // unique
	SecretHash SecretHash
}

// OAuth1Client holds the two credentials of OAuth 1.0 (RFC 5849). Signatures
// are checked with the secrets themselves, so these are sealed, not hashed.
type OAuth1Client struct {
	ConsumerKey    string // unique
	ConsumerSecret []byte // sealed by the vault
	Token          string
	TokenSecret    []byte // sealed by the vault
}

// AccessToken is what an OAuth 2.0 client gets for its secret, and shows
// instead of it for a while.
type AccessToken struct {
	Authorization AuthorizationID
	SecretHash    SecretHash // unique
	ExpiresAt     time.Time
	CreatedAt     time.Time
}
