// Package storetest gives tests a store, and holds stores to their contract.
//
// [Run] is the conformance suite of [core.Store]; every database runs it.
// [SQLite], [Postgres] and [Each] open real, empty, migrated stores for tests
// of what stands on one. It is imported by tests alone.
package storetest

import (
	"path/filepath"
	"testing"

	"keyrack/internal/pgtest"
	"keyrack/internal/store"
)

// SQLite opens an empty store in a file of the test's own.
func SQLite(t testing.TB) *store.Store {
	t.Helper()
	return Open(t, store.Options{Path: filepath.Join(t.TempDir(), "keyrack.db")})
}

// Postgres opens an empty store in a PostgreSQL database of the test's own.
func Postgres(t testing.TB) *store.Store {
	t.Helper()
	return Open(t, store.Options{URL: pgtest.URL(t)})
}

// Open opens and migrates a store, to be closed when the test ends.
func Open(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// Each runs a test on every database.
func Each(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, SQLite(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, Postgres(t))
	})
}
