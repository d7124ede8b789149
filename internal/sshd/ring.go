package sshd

import (
	"time"

	"keyrack/internal/core"
	"keyrack/internal/sshkey"
)

// ring is the keys that a client showed in one connection: in the order they
// were first seen, each once, certificates unwrapped.
type ring struct {
	shown   []*shownKey
	byKey   map[sshkey.PublicKey]*shownKey
	proven  int
	skipped int  // offers that were no key we can read
	weak    bool // a signature was good, but proves nothing (see isProof)
}

type shownKey struct {
	core.CollectedKey
	again bool // offered again since the last proof
}

// note remembers an offered key.
func (r *ring) note(key sshkey.PublicKey, now time.Time) *shownKey {
	if known, ok := r.byKey[key]; ok {
		known.again = true
		return known
	}
	k := &shownKey{CollectedKey: core.CollectedKey{Public: key, CreatedAt: now}}
	if r.byKey == nil {
		r.byKey = map[sshkey.PublicKey]*shownKey{}
	}
	r.byKey[key] = k
	r.shown = append(r.shown, k)
	return k
}

// prove credits a key with a signature.
func (r *ring) prove(k *shownKey) {
	if !k.Proven {
		k.Proven = true
		r.proven++
	}
	for _, other := range r.shown {
		other.again = false
	}
}

// unheard counts the keys that a client walking through its ring once more
// since the last proof has still to come to.
func (r *ring) unheard() int {
	n := 0
	for _, k := range r.shown {
		if !k.again {
			n++
		}
	}
	return n
}

// all gives every key, onlyProven those that signed.
func (r *ring) all() []core.CollectedKey { return r.filter(func(*shownKey) bool { return true }) }

func (r *ring) onlyProven() []core.CollectedKey {
	return r.filter(func(k *shownKey) bool { return k.Proven })
}

func (r *ring) filter(keep func(*shownKey) bool) []core.CollectedKey {
	var out []core.CollectedKey
	for _, k := range r.shown {
		if keep(k) {
			out = append(out, k.CollectedKey)
		}
	}
	return out
}
