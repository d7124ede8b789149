package core

import (
	"net/netip"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/sshkey"
	"keyrack/internal/vault"
)

// WebhookID is a webhook's integer id.
type WebhookID int64

// EventKind is what happened to a session, in SSHVerify's words.
type EventKind string

// The kinds of event. Which a session can have depends on its kind.
const (
	NewConnectionEvent EventKind = "new_connection"
	KeyCollectedEvent  EventKind = "key_collected"  // collect: one for each key
	VerifiedEvent      EventKind = "verified"       // verify: one for each matched key
	FailedAttemptEvent EventKind = "failed_attempt" // verify
	StatusChangedEvent EventKind = "status_changed"
)

// Webhook is where events of one session go.
type Webhook struct {
	ID                WebhookID
	UUID              uuid.UUID
	Session           SessionID
	URL               string              // http or https
	Method            string              // "post", "put" or "patch"
	Events            []EventKind         // empty: all
	Headers           map[string][]string // not in the store, which keeps them sealed:
	SealedHeaders     []byte              // they often hold credentials
	Retries           int                 // tries after the first
	InitialBackoff    int64               // seconds, at least 1
	BackoffMultiplier float64             // at least 1
	Disabled          bool                // the receiver said 410 Gone
	CreatedAt         time.Time
	UpdatedAt         time.Time
}

// DeliveryID is a delivery's integer id. Deliveries of one webhook are in the
// order of their events.
type DeliveryID int64

// DeliveryState is where a delivery stands.
type DeliveryState string

// The states of a delivery.
const (
	DeliveryPending   DeliveryState = "pending"
	DeliveryDelivered DeliveryState = "delivered"
	DeliveryFailed    DeliveryState = "failed" // no tries left; may be replayed
)

// Delivery is one event on its way to one webhook.
type Delivery struct {
	ID          DeliveryID
	UUID        uuid.UUID // SSHVerify's webhook_invocation_id: the same over all tries
	Webhook     WebhookID
	Project     ProjectID
	Receiver    string // host and port of the webhook when the event happened
	Event       Event
	State       DeliveryState
	Attempts    int       // tries so far
	NextAt      time.Time // when the next try is due
	LeasedUntil time.Time // until then a server is at it
	Lease       int64     // counts the leases and their ends; the number is the right to record a try
	CreatedAt   time.Time
}

// Event is what a delivery tells: the facts as they were when it happened.
type Event struct {
	Kind          EventKind
	At            time.Time
	SessionKind   SessionKind
	Session       uuid.UUID
	ExternalID    *string
	Identifier    string
	Status        SessionStatus    // of a status_changed
	Connection    uuid.UUID        // of all but status_changed
	Address       netip.Addr       // of a new_connection
	ClientVersion string           // of a new_connection
	ConnectionKey uuid.UUID        // of key_collected and verified: the record in the connection
	VerifyKey     uuid.UUID        // of verified: the configured key
	Public        sshkey.PublicKey // of key_collected and verified
}

// Parcel is a delivery that is due, with all that a try needs.
type Parcel struct {
	Delivery
	Target Webhook
	Secret vault.Secret // the project's Standard Webhooks secret, "whsec_…"
}

// Attempt is the record of one try.
type Attempt struct {
	Number     int   // 1 for the first
	Lease      int64 // of the delivery, under which it was made
	At         time.Time
	Duration   time.Duration
	Status     int           // of the reply; zero: there was none
	BodyStart  string        // the first bytes of the reply, printable
	Reason     string        // why it failed; empty: it did not
	RetryAfter time.Duration // what the receiver asked for; zero: nothing
	Gone       bool          // 410: the receiver wants no more
}
