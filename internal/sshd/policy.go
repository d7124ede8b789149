package sshd

import (
	"keyrack/internal/core"
	"keyrack/internal/sshkey"
)

// policy is what a kind of session wants from the keys of one connection, and
// what it tells its user. A policy decides and remembers nothing: the ring
// holds the facts, the conn acts.
type policy interface {
	// wants tells whether a key that has not signed yet is to sign.
	wants(k sshkey.PublicKey) bool

	// enough tells after a proof whether no further key need be heard.
	enough(r *ring) bool

	// pick gives the keys to record: none where the connection does not meet
	// the rules of its session, as these were when it began.
	pick(r *ring) []core.CollectedKey

	// handOver gives the keys for core to judge by the rules as they are at the
	// end.
	handOver(r *ring) []core.CollectedKey

	// lacking tells the user why none was recorded, and what to do.
	lacking(r *ring) string

	// listing shows the user the picked keys, a line each.
	listing(keys []core.CollectedKey) string

	// success names the outcome of a connection whose picked keys were taken.
	success() outcome

	// charges tells whether a connection that came to nothing is an attempt
	// that core is to count.
	charges() bool
}

// policyFor gives the policy of a visit's session, nil for a kind of session
// this server does not know.
func policyFor(v core.Visit) policy {
	switch v.Session.Kind {
	case core.CollectSession:
		return collectPolicy{multi: v.Session.MultiKey, prove: v.Session.MultiKey && v.Prove}
	case core.VerifySession:
		return newVerifyPolicy(v.Session)
	}
	return nil
}
