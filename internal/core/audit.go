package core

import (
	"net/netip"
	"time"
)

// AuditEvent is one line of the append-only record of what was done.
type AuditEvent struct {
	ID        int64
	At        time.Time
	ActorKind ActorKind
	ActorName string
	Account   AccountID // the acting account, zero for others
	Project   ProjectID // the project concerned or acting, zero for none
	Action    string    // noun and verb in the imperative, as "key.add"
	Object    string    // kind and public id, as "key 0197c3a2-…"
	Face      string
	Address   netip.Addr
	Outcome   Outcome
	Detail    string // constant words and ids, never secrets
}

// Outcome says how an audited action ended.
type Outcome string

// The outcomes.
const (
	Done    Outcome = "done"
	Refused Outcome = "refused"
)
