package facetest

import (
	"io"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/face"
	"keyrack/internal/password"
	"keyrack/internal/store"
	"keyrack/internal/vault"
)

// Ground is what the tests of a face stand on: core over a real store, with a
// vault, and a clock that stands still until it is moved.
type Ground struct {
	Core  *core.Service
	Store *store.Store
	Vault *vault.Vault
	now   atomic.Pointer[time.Time]
}

// cheap is a cost of passwords that tests can pay often.
var cheap = password.Cost{Time: 1, Memory: 64, Threads: 1}

// NewGround makes core over a store. To o it adds the store, a vault of its
// own, the clock, and cheap passwords.
func NewGround(t testing.TB, s *store.Store, start time.Time, o core.Options) *Ground {
	t.Helper()
	dir := t.TempDir()
	sealing, err := vault.Create(vault.Options{
		MasterKeyFile: filepath.Join(dir, "master.key"), KeysetFile: filepath.Join(dir, "keyset.json"),
	})
	if err != nil {
		t.Fatal(err)
	}
	g := &Ground{Store: s, Vault: sealing}
	g.SetNow(start)
	o.Store, o.Vault, o.Now, o.PasswordCost = s, sealing, g.Now, cheap
	g.Core = core.New(o)
	return g
}

// Options are those that all faces take: the clock, and a log that nobody reads.
func (g *Ground) Options() face.Options {
	return face.Options{Now: g.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
}

// Now is the time by the clock.
func (g *Ground) Now() time.Time { return *g.now.Load() }

// SetNow sets the clock.
func (g *Ground) SetNow(at time.Time) { g.now.Store(&at) }

// Pass moves the clock on.
func (g *Ground) Pass(d time.Duration) { g.SetNow(g.Now().Add(d)) }

// Passes is Pass for a [World]'s Do.
func (g *Ground) Passes(t *testing.T, text string) {
	t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	g.Pass(d)
}

// Apply makes the store what is desired.
func (g *Ground) Apply(t testing.TB, d core.Desired) {
	t.Helper()
	if _, err := g.Core.Apply(t.Context(), core.Operator("test"), d, false); err != nil {
		t.Fatal(err)
	}
}
