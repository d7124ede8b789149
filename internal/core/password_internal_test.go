package core

import (
	"context"
	"testing"

	"github.com/alexedwards/argon2id"
)

// Who gives up waiting for a turn to hash is told that there are too many;
// work that nobody waits for is not begun.
func TestHashingIsBounded(t *testing.T) {
	t.Parallel()
	h := newPasswordHasher(PasswordHashing{Time: 1, Memory: 64, Threads: 1})
	for range cap(h.slots) {
		h.slots <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if hash, err := h.hash(ctx, "a long password"); KindOf(err) != Limited || hash != "" {
		t.Errorf("hash while all turns are taken = %q, %v; want limited", hash, err)
	}
	if ok, err := h.matches(ctx, "a long password", ""); KindOf(err) != Limited || ok {
		t.Errorf("matches while all turns are taken = %v, %v; want limited", ok, err)
	}
	<-h.slots
	if _, err := h.hash(t.Context(), "a long password"); err != nil {
		t.Errorf("hash with a turn free: %v", err)
	}
	if len(h.slots) != cap(h.slots)-1 {
		t.Errorf("%d turns taken after hashing, want that it gave its own back", len(h.slots))
	}
}

// Who comes when too many wait already is refused at once and waits for nothing.
// Passwords that are set are not: no stranger can ask for that.
func TestCheckingIsBounded(t *testing.T) {
	t.Parallel()
	h := newPasswordHasher(PasswordHashing{Time: 1, Memory: 64, Threads: 1})
	for range cap(h.checks) {
		h.checks <- struct{}{}
	}
	if ok, err := h.matches(t.Context(), "a long password", ""); KindOf(err) != Limited || ok {
		t.Errorf("matches while too many wait = %v, %v; want limited", ok, err)
	}
	if _, err := h.hash(t.Context(), "a long password"); err != nil {
		t.Errorf("hash while many passwords wait to be checked: %v", err)
	}
	<-h.checks
	if _, err := h.matches(t.Context(), "a long password", ""); err != nil || len(h.checks) != cap(h.checks)-1 {
		t.Errorf("matches with a place free: %v, %d places taken; want its own given back", err, len(h.checks))
	}
}

// What an unknown login is held against costs what a real hash does.
func TestDummyHashIsLikeAny(t *testing.T) {
	t.Parallel()
	h := newPasswordHasher(PasswordHashing{Time: 2, Memory: 128, Threads: 3})
	real, err := h.hash(t.Context(), "a long password")
	if err != nil {
		t.Fatal(err)
	}
	wantParams, wantSalt, wantKey, err := argon2id.DecodeHash(real)
	if err != nil {
		t.Fatal(err)
	}
	params, salt, key, err := argon2id.DecodeHash(h.dummy)
	if err != nil || *params != *wantParams || len(salt) != len(wantSalt) || len(key) != len(wantKey) {
		t.Errorf("dummy = %q, %v; want the form and cost of %q", h.dummy, err, real)
	}
	if ok, err := h.matches(t.Context(), "", ""); ok || err != nil {
		t.Errorf("matches of no password with no hash = %v, %v; want false", ok, err)
	}
	if other := newPasswordHasher(PasswordHashing{Time: 2, Memory: 128, Threads: 3}); other.dummy == h.dummy {
		t.Error("two servers have one dummy hash, want each its own")
	}
}
