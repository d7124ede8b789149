// Package storetest gives tests a store, and holds stores to their contract.
//
// [Run] is the conformance suite of [core.Store]; every database runs it.
// [SQLite], [Postgres] and [Each] open real, empty, migrated stores for tests
// of what stands on one. It is imported by tests alone.
package storetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"keyrack/internal/pgtest"
	"keyrack/internal/store"
)

// SQLite opens an empty store in a file of the test's own.
func SQLite(t testing.TB) *store.Store {
	t.Helper()
	return Open(t, store.Options{Path: SQLitePath(t)})
}

// SQLitePath names an empty, migrated database in a file of the test's own: a
// copy of the template.
func SQLitePath(t testing.TB) string {
	t.Helper()
	empty, err := template()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "keyrack.db")
	if err := os.WriteFile(path, empty, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// template is an empty, migrated SQLite database. Under the race detector
// migrating takes most tests longer than all they do.
var template = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "keyrack-test-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "template.db")
	if err := migrate(context.Background(), store.Options{Path: path}); err != nil { // of no single test
		return nil, err
	}
	return os.ReadFile(path) // #nosec G304 -- made above
})

// Postgres opens an empty store in a PostgreSQL database of the test's own.
func Postgres(t testing.TB) *store.Store {
	t.Helper()
	return Open(t, store.Options{URL: PostgresURL(t)})
}

// PostgresURL names an empty, migrated PostgreSQL database of the test's own: a
// copy of the template.
func PostgresURL(t testing.TB) string {
	t.Helper()
	template, err := postgresTemplate()
	if err != nil {
		t.Fatal(err)
	}
	return pgtest.Copy(t, template)
}

var postgresTemplate = sync.OnceValues(func() (string, error) {
	ctx := context.Background() // of no single test
	return pgtest.Template(ctx, store.MigrationsDigest(), func(url string) error {
		return migrate(ctx, store.Options{URL: url})
	})
})

func migrate(ctx context.Context, o store.Options) error {
	s, err := store.Open(ctx, o)
	if err != nil {
		return err
	}
	return errors.Join(s.Migrate(ctx), s.Close())
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
