package password

import (
	"context"
	"errors"
	"testing"

	"github.com/alexedwards/argon2id"
)

// Who gives up waiting for a turn to hash is told that there are too many;
// work that nobody waits for is not begun.
func TestHashingIsBounded(t *testing.T) {
	t.Parallel()
	h := NewHasher(Cost{Time: 1, Memory: 64, Threads: 1})
	for range cap(h.slots) {
		h.slots <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if hash, err := h.Hash(ctx, "a long password"); !errors.Is(err, ErrBusy) || hash != "" {
		t.Errorf("Hash while all turns are taken = %q, %v; want ErrBusy", hash, err)
	}
	if ok, err := h.Matches(ctx, "a long password", ""); !errors.Is(err, ErrBusy) || ok {
		t.Errorf("Matches while all turns are taken = %v, %v; want ErrBusy", ok, err)
	}
	<-h.slots
	if _, err := h.Hash(t.Context(), "a long password"); err != nil {
		t.Errorf("Hash with a turn free: %v", err)
	}
	if len(h.slots) != cap(h.slots)-1 {
		t.Errorf("%d turns taken after hashing, want that it gave its own back", len(h.slots))
	}
}

// Who comes when too many wait already is refused at once and waits for nothing.
// Passwords that are set are not: no stranger can ask for that.
func TestCheckingIsBounded(t *testing.T) {
	t.Parallel()
	h := NewHasher(Cost{Time: 1, Memory: 64, Threads: 1})
	for range cap(h.checks) {
		h.checks <- struct{}{}
	}
	if ok, err := h.Matches(t.Context(), "a long password", ""); !errors.Is(err, ErrBusy) || ok {
		t.Errorf("Matches while too many wait = %v, %v; want ErrBusy", ok, err)
	}
	if _, err := h.Hash(t.Context(), "a long password"); err != nil {
		t.Errorf("Hash while many passwords wait to be checked: %v", err)
	}
	<-h.checks
	if _, err := h.Matches(t.Context(), "a long password", ""); err != nil || len(h.checks) != cap(h.checks)-1 {
		t.Errorf("Matches with a place free: %v, %d places taken; want its own given back", err, len(h.checks))
	}
}

// What an unknown login is held against costs what a real hash does.
func TestDummyHashIsLikeAny(t *testing.T) {
	t.Parallel()
	h := NewHasher(Cost{Time: 2, Memory: 128, Threads: 3})
	real, err := h.Hash(t.Context(), "a long password")
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
	if ok, err := h.Matches(t.Context(), "", ""); ok || err != nil {
		t.Errorf("Matches of no password with no hash = %v, %v; want false", ok, err)
	}
	if other := NewHasher(Cost{Time: 2, Memory: 128, Threads: 3}); other.dummy == h.dummy {
		t.Error("two servers have one dummy hash, want each its own")
	}
}
