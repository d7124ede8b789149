package core

import (
	"time"

	"github.com/google/uuid"
)

// APIKeyID is an API key's integer id.
type APIKeyID int64

// APIKey is a project's credential for the SSHVerify face.
type APIKey struct {
	ID         APIKeyID
	UUID       uuid.UUID
	Project    ProjectID
	Name       string     // unique within the project
	SecretHash SecretHash // unique
	ExpiresAt  time.Time  // zero: never
	CreatedAt  time.Time
}

// TokenID is a token's integer id.
type TokenID int64

// TokenUse says where a token is accepted.
type TokenUse string

// The uses of a token.
const (
	UseWaldur    TokenUse = "waldur"    // Authorization: Token
	UseForeman   TokenUse = "foreman"   // personal access token
	UseRaidboxes TokenUse = "raidboxes" // application password
	UseHost      TokenUse = "host"      // reads authorized keys, nothing else
)

// Token is an account's credential for one use.
type Token struct {
	ID         TokenID
	UUID       uuid.UUID
	Account    AccountID
	Name       string // unique within the account and use
	Use        TokenUse
	SecretHash SecretHash    // unique within the use
	Lifetime   time.Duration // how long it lasts after its last use; zero: for ever
	ExpiresAt  time.Time     // zero: never
	RevokedAt  time.Time     // zero: it was not revoked
	CreatedAt  time.Time
	UpdatedAt  time.Time
	// UsedAt is when it was last known to be used, at first when it was made. It
	// is behind by a minute, or by up to half the lifetime, or reading would be
	// writing.
	UsedAt time.Time
	// Sealed is the secret, where it is given out again; sealed by the vault.
	Sealed []byte
}

// Expiry is when the token stops to hold if it is not used again; zero: never.
func (t Token) Expiry() time.Time {
	if t.Lifetime == 0 {
		return t.ExpiresAt
	}
	idle := t.UsedAt.Add(t.Lifetime)
	if t.ExpiresAt.IsZero() || idle.Before(t.ExpiresAt) {
		return idle
	}
	return t.ExpiresAt
}

// ActiveAt tells whether the token is accepted, as far as it is up to the token.
func (t Token) ActiveAt(now time.Time) bool {
	return t.RevokedAt.IsZero() && !expired(t.Expiry(), now)
}

// SecretHash is the SHA-256 of a random secret, all that is kept of it. It
// suffices because such secrets hold at least 128 random bits.
type SecretHash [32]byte
