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
	CollectSession SessionKind = "collect"
)

// SessionStatus is where a session stands.
type SessionStatus string

// The states of a collect session (SSHVerify, results pages).
const (
	SessionPending   SessionStatus = "pending"   // waiting, or open for more connections
	SessionCompleted SessionStatus = "completed" // done
	SessionExpired   SessionStatus = "expired"   // time ran out first
)

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
}

// Visit is what an SSH connection is told of the session it reached.
type Visit struct {
	Connection ConnectionID
	Session    Session
	Prove      bool // ask for a signature of every key
}
