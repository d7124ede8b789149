package core

import (
	"time"

	"github.com/google/uuid"

	"keyrack/internal/vault"
)

// What tickets last.
const (
	ticketLifetime  = 60 * time.Minute    // from its issue
	ticketRenewable = 14 * 24 * time.Hour // from the login to the last refresh
	ticketGrace     = 30 * time.Second    // a replaced one still counts, for requests under way
)

// TicketID is a ticket's integer id.
type TicketID int64

// Ticket is what a login gives: a signed token stands for it, and says for an
// hour that its bearer is an account. It counts as long as it is in the store
// and the credential it was got with still holds.
type Ticket struct {
	ID         TicketID
	UUID       uuid.UUID // the token's jti
	Account    AccountID
	ByToken    bool       // got with an application password: a token of [UseRaidboxes]
	Credential SecretHash // the application password's, or the hash of the password's hash
	FirstAt    time.Time  // when somebody logged in; refreshing keeps it
	IssuedAt   time.Time
	ExpiresAt  time.Time
	ReplacedAt time.Time // zero: it was not refreshed
	Successor  uuid.UUID // what it was refreshed to; zero: it was not
}

// over tells whether the ticket's time has passed, or it was refreshed too long
// ago.
func (t Ticket) over(now time.Time) bool {
	return expired(t.ExpiresAt, now) || !t.ReplacedAt.IsZero() && expired(t.ReplacedAt.Add(ticketGrace), now)
}

// SigningKeyID is a signing key's integer id.
type SigningKeyID int64

// SigningKey signs tickets. It is in the store, sealed, because every server
// on the store needs it.
type SigningKey struct {
	ID        SigningKeyID
	UUID      uuid.UUID
	Sealed    []byte // by the vault
	CreatedAt time.Time
	RetiredAt time.Time // zero: it signs. What it has signed counts to its end.
}

// spent tells whether nothing the key has signed can count any more.
func (k SigningKey) spent(now time.Time) bool {
	return !k.RetiredAt.IsZero() && expired(k.RetiredAt.Add(ticketLifetime), now)
}

func (k SigningKey) record() vault.Record {
	return vault.Record{Kind: "signing_key", ID: k.UUID.String()}
}

func (k SigningKey) object() string { return "signing_key " + k.UUID.String() }

// SecondFactorID is a second factor's integer id.
type SecondFactorID int64

// SecondFactor is what an account's owner has to show besides the password: a
// code of an app that shares a seed with us (TOTP, RFC 6238).
type SecondFactor struct {
	ID          SecondFactorID
	Account     AccountID // has one at most
	Sealed      []byte    // the seed, by the vault
	LastStep    int64     // the step of the last code taken; older codes are refused
	ConfirmedAt time.Time // zero: it was shown, nobody has proven to have it, and it is not asked for
	CreatedAt   time.Time
}

func (a Account) secondFactorRecord() vault.Record {
	return vault.Record{Kind: "account", ID: a.UUID.String(), Field: "totp"}
}
