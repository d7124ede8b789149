package core

import (
	"time"

	"github.com/google/uuid"

	"keyrack/internal/vault"
)

// ManagedKeyID is a managed key's integer id. All items of the vault count in
// one row, whatever their kind.
type ManagedKeyID int64

// ItemKind is the sort of an item in the vault.
type ItemKind string

// SSHKeyItem is the kind of every managed key. Others have ids of the same row
// and are refused with [ErrNotSSHKey] where a key is wanted.
const SSHKeyItem ItemKind = "ssh-key"

// ManagedKey is a vaulted key pair on a device, without its secrets.
type ManagedKey struct {
	ID         ManagedKeyID
	UUID       uuid.UUID
	Kind       ItemKind
	Identifier string // unique, given by whoever made it; finds it again
	Username   string // that it opens on the device
	Name       string
	Device     DeviceID   // the main one
	Additional []DeviceID // in the order given
	Tags       []string
	Disabled   bool
	Version    int           // the current one, from 1
	Creator    ApplicationID // whose own it is; zero: nobody's
	ViewedAt   time.Time     // the last read; zero: never
	ExpiresAt  time.Time     // until when what was last read is good; zero: no end
	ChangedAt  time.Time     // when Version was made
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// KeyVersion is the key material of a managed key from one change to the next.
type KeyVersion struct {
	ID         int64
	Key        ManagedKeyID
	Number     int // from 1
	PublicKey  string
	PrivateKey []byte // sealed
	Passphrase []byte // sealed; nil: none
	ActorKind  ActorKind
	ActorName  string
	At         time.Time
}

// KeyMaterial is what [Service.RevealManagedKey] gives: a key with its secrets.
type KeyMaterial struct {
	ManagedKeyDetail
	Number     int // the version that was read
	PublicKey  string
	PrivateKey vault.Secret
	Passphrase vault.Secret // zero: none
}

// ManagedKeyDetail is a managed key with the devices it is for.
type ManagedKeyDetail struct {
	ManagedKey
	On   Device   // the main one
	Also []Device // the additional ones, in order
}

// Custody says that somebody has read a key and not given it back yet.
type Custody struct {
	ID     int64
	Key    ManagedKeyID
	Holder string // as "authorization 0197…"
	Since  time.Time
	Until  time.Time // zero: until it is released
}

// heldAt tells whether the custody lasts at a moment.
func (c Custody) heldAt(now time.Time) bool { return !expired(c.Until, now) }

// PolicyID is a policy's integer id.
type PolicyID int64

// Policy says how long a key is good for. Of those whose criteria fit a key
// the one with the highest priority counts, of equals the first by name.
type Policy struct {
	ID        PolicyID
	UUID      uuid.UUID
	Name      string // unique
	Priority  int
	Disabled  bool
	ViewTime  time.Duration // after a read, until the copy is no longer good; zero: no end
	MaxAge    time.Duration // after a change; zero: no end
	Exclusive bool          // one reader has the key at a time
	// What the key's main device must be; an empty list takes any. Hostnames
	// may hold * for any text.
	Hostnames, Types, Models, Sites []string
	Tags                            []string // of which the key must have one
	CreatedAt                       time.Time
	UpdatedAt                       time.Time
}
