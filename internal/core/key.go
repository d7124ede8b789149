package core

import (
	"net/netip"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/sshkey"
)

// KeyID is a key's integer id. It is never used again after a removal.
type KeyID int64

// Key is an account's public key.
type Key struct {
	ID        KeyID
	UUID      uuid.UUID
	ShortID   string // 8 characters, see [NewShortID]
	Owner     AccountID
	Name      string
	Text      string // the key text as it was sent
	Public    sshkey.PublicKey
	Shared    bool // Waldur's is_shared
	CreatedAt time.Time
	UpdatedAt time.Time
}

// RevisionAction is what a revision did to its key.
type RevisionAction string

// The actions of a revision.
const (
	KeyAdded   RevisionAction = "added"
	KeyChanged RevisionAction = "changed"
	KeyRemoved RevisionAction = "removed"
)

// verb names the action in the audit record, which says what was done to a key
// where a revision says what the key is since.
func (a RevisionAction) verb() string {
	switch a {
	case KeyAdded:
		return "add"
	case KeyRemoved:
		return "remove"
	default:
		return "change"
	}
}

// Revision is the state of a key after one change. Revisions are only ever
// appended and outlive their key.
type Revision struct {
	ID        int64
	Key       Key // whole content after the change; for a removal, before it
	Number    int // 1 for the first
	Action    RevisionAction
	ActorKind ActorKind
	ActorName string
	Account   AccountID // the acting account, zero for others
	Comment   string
	At        time.Time
}

// Grade says how good the evidence is that an owner holds a key.
type Grade string

// The grades of evidence, from the weakest to the best.
const (
	Pasted          Grade = "pasted"           // somebody sent the text
	Offered         Grade = "offered"          // an SSH client offered it, unsigned
	ProvenByLogin   Grade = "proven by login"  // a signature in an SSH connection to this server
	SignedChallenge Grade = "signed challenge" // a signature over a challenge of this server
)

// Evidence is one observation that an owner holds a key.
type Evidence struct {
	ID            int64
	Key           KeyID
	Grade         Grade
	At            time.Time
	Address       netip.Addr // the client's; zero: unknown
	ClientVersion string     // SSH identification line; empty: none
	Connection    uuid.UUID  // the SSH connection; zero: none
}
