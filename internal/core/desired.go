package core

import (
	"time"

	"github.com/google/uuid"

	"keyrack/internal/vault"
)

// Desired is the state that [Service.Apply] brings about: what an apply file
// says. Things the file does not name stay as they are. The paths of errors
// follow the names of the file: "accounts[0].keys[1].public_key".
type Desired struct {
	Organizations []string
	Locations     []string
	Accounts      []DesiredAccount
	Projects      []DesiredProject
	Policies      []Policy
	Devices       []DesiredDevice
	Applications  []DesiredApplication
	Settings      map[string]string // section to JSON
}

// DesiredAccount is an account as it should be. ID and UUID count only when
// the account is made.
type DesiredAccount struct {
	ID            AccountID
	UUID          uuid.UUID
	Login         string
	Name          string
	Email         string
	Roles         Roles
	Password      vault.Secret // zero: leave as it is
	Disabled      bool
	ExpiresAt     time.Time
	Organizations []string
	Locations     []string
	Rights        []Right
	Tokens        []DesiredToken
	Keys          []DesiredKey
}

// DesiredToken is a token as it should be.
type DesiredToken struct {
	Name      string
	Use       TokenUse
	Secret    vault.Secret // zero: keep the one there is, or make one
	Lifetime  time.Duration
	ExpiresAt time.Time
	Absent    bool // true: take it away
}

// DesiredKey is a key as it should be, known by its name.
type DesiredKey struct {
	Name      string
	PublicKey string
	Shared    bool
	Absent    bool // true: take it away
}

// DesiredProject is a project as it should be.
type DesiredProject struct {
	Name         string
	Organization string
	Adopt        Adopt
	ProveKeys    bool
	APIKeys      []DesiredAPIKey
}

// DesiredAPIKey is an API key as it should be.
type DesiredAPIKey struct {
	Name      string
	Secret    vault.Secret // zero: keep the one there is, or make one
	ExpiresAt time.Time
	Absent    bool // true: take it away
}

// DesiredDevice is a device as it should be.
type DesiredDevice struct {
	Hostname       string
	Organization   string // by name; empty: none
	Address        string
	Type           string
	Vendor         string
	Model          string
	Site           string
	Domains        []string
	Connectivities []string
	RemoteConfig   string
	Tags           []string
	Disabled       bool
}

// DesiredApplication is an application as it should be.
type DesiredApplication struct {
	Name           string
	Organization   string
	Description    string
	Tags           []string
	Disabled       bool
	Authorizations []DesiredAuthorization
}

// DesiredAuthorization is an authorization as it should be. Credentials that
// are left out are kept where there are some, else made.
type DesiredAuthorization struct {
	Name        string
	Description string
	System      string
	Environment string
	Permission  Permission
	Resources   []string
	AllowedIPs  []string
	Referers    []string
	Certificate string
	Keys        []string
	Devices     []string
	Disabled    bool
	ExpiresAt   time.Time
	OAuth2      *DesiredOAuth2
	OAuth1      *DesiredOAuth1
}

// DesiredOAuth2 are the credentials of an OAuth 2.0 client.
type DesiredOAuth2 struct {
	ClientID     string
	ClientSecret vault.Secret
	Renew        bool // make another secret where there is one
}

// DesiredOAuth1 are the credentials of an OAuth 1.0 client.
type DesiredOAuth1 struct {
	ConsumerKey    string
	ConsumerSecret vault.Secret
	Token          string
	TokenSecret    vault.Secret
	Renew          bool // make other secrets where there are some
}
