package core

import (
	"net/netip"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/sshkey"
)

// SessionID is a session's integer id.
type SessionID int64

// SessionKind parts collect sessions from verify sessions. Both live in one
// space of identifiers, because one SSH listener serves them.
type SessionKind string

// The kinds of session.
const (
	CollectSession SessionKind = "collect" // notes the keys a client offers
	VerifySession  SessionKind = "verify"  // finds out whether a client holds given keys
)

// SessionStatus is where a session stands.
type SessionStatus string

// The states of a session (SSHVerify, results pages).
const (
	SessionPending   SessionStatus = "pending"   // waiting, or open for more connections
	SessionCompleted SessionStatus = "completed" // collect: done
	SessionVerified  SessionStatus = "verified"  // verify: the rules were met
	SessionFailed    SessionStatus = "failed"    // verify: attempts used up, or completed without success
	SessionExpired   SessionStatus = "expired"   // time ran out first
)

// verb names in the audit record what put a session into a final state.
func (s SessionStatus) verb() string {
	switch s {
	case SessionCompleted:
		return "complete"
	case SessionVerified:
		return "verify"
	case SessionFailed:
		return "fail"
	default:
		return "expire"
	}
}

// Session is one invitation to connect by SSH.
type Session struct {
	ID              SessionID
	UUID            uuid.UUID
	Project         ProjectID
	Kind            SessionKind
	Identifier      string  // the SSH user name; see [NewIdentifier]
	ExternalID      *string // the caller's own reference
	Status          SessionStatus
	MultiKey        bool // all keys of a connection, not just the first
	MultiConnection bool // stays open until it is completed by hand
	MustConfirm     bool // the user has to press y
	Banner          *string
	Message         *string
	ExpiresAt       time.Time // zero: never
	CreatedAt       time.Time
	UpdatedAt       time.Time
	Connections     []Connection // in order of arrival; not filled in lists
	Webhooks        []Webhook    // in order of making; not filled in lists

	// Of verify sessions alone.
	MatchAllKeys bool        // one connection must prove all wanted keys
	MaxAttempts  int         // connections that may fail, at least 1
	Attempts     int         // connections that failed
	VerifiedAt   time.Time   // when the rules were first met; zero: not yet
	Wanted       []WantedKey // in order of making; not filled in lists
}

// Visited is a session with what else decides about a visit to it.
type Visited struct {
	Session Session // without connections, webhooks and wanted keys
	Project Project
	Hooked  bool // it has webhooks
}

// WantedKeyID is a wanted key's integer id.
type WantedKeyID int64

// WantedKey is a key that a verify session asks for.
type WantedKey struct {
	ID         WantedKeyID
	UUID       uuid.UUID
	Session    SessionID
	Name       *string
	ExternalID *string // the caller's own reference
	Public     sshkey.PublicKey
	VerifiedAt time.Time // when it was first proven in a connection that met the rules; zero: not yet
}

// StatusAt is the status with the clock taken into account: a pending session
// is expired from ExpiresAt on, whether or not anybody has written so.
func (s Session) StatusAt(now time.Time) SessionStatus {
	if s.Status == SessionPending && !s.ExpiresAt.IsZero() && !now.Before(s.ExpiresAt) {
		return SessionExpired
	}
	return s.Status
}

// ConnectionID is a connection's integer id.
type ConnectionID int64

// Connection is one SSH connection made to a session.
type Connection struct {
	ID            ConnectionID
	UUID          uuid.UUID
	Session       SessionID
	Address       netip.Addr
	ClientVersion string // printable ASCII, at most 255 bytes
	CreatedAt     time.Time
	Keys          []CollectedKey
}

// CollectedKey is a key that came in over a connection.
type CollectedKey struct {
	ID        int64
	UUID      uuid.UUID
	Public    sshkey.PublicKey
	Proven    bool // the client signed with it in this connection
	CreatedAt time.Time
	Wanted    WantedKeyID // the key of a verify session it matched; zero: none
}
