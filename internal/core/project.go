package core

import (
	"time"

	"github.com/google/uuid"
)

// ProjectID is a project's integer id.
type ProjectID int64

// Adopt says which keys of a finished collect session go to the account that
// the session's external id names.
type Adopt string

// The choices for adoption.
const (
	AdoptOff     Adopt = "off"     // none
	AdoptProven  Adopt = "proven"  // keys whose holder signed
	AdoptOffered Adopt = "offered" // all keys, also those only offered
)

// Project owns sessions and API keys.
type Project struct {
	ID           ProjectID
	UUID         uuid.UUID
	Name         string         // unique by its [Identity]
	Organization OrganizationID // zero: none
	Adopt        Adopt
	ProveKeys    bool // collection asks for a signature of every key
	CreatedAt    time.Time
	UpdatedAt    time.Time

	WebhookSecret []byte // signs webhooks; sealed; nil: not made yet
}
