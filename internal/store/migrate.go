package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/pressly/goose/v3"

	"keyrack/internal/core"
)

// Migrations go forward only and are immutable once released. There is one
// number, with a file for each dialect.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrationFS shows the SQL files of one dialect alone.
type migrationFS struct {
	fs.FS
	suffix string
}

// Glob implements [fs.GlobFS].
func (f migrationFS) Glob(pattern string) ([]string, error) {
	return fs.Glob(f.FS, strings.Replace(pattern, "*.sql", "*."+f.suffix+".sql", 1))
}

// migrator is what goose needs to know of a database.
type migrator struct {
	dialect  goose.Dialect
	suffix   string
	lock     goose.ProviderOption // lets one process migrate at a time
	migrated string               // query that tells whether goose has been here
	open     func() (*sql.DB, error)
	peek     func() (*sql.DB, error) // opens it without changing anything
	exporter exporter
}

// Versions are those of a schema.
type Versions struct {
	Current int64 // the database's; 0 before the first migration
	Newest  int64 // the program's
}

// MigrationsDigest is the same for programs whose migrations are the same, to
// the byte.
func MigrationsDigest() string {
	sum := sha256.New()
	err := fs.WalkDir(migrationFiles, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := migrationFiles.ReadFile(path)
		_, _ = fmt.Fprintf(sum, "%s %d\n%s", path, len(text), text)
		return err
	})
	if err != nil {
		panic(err) // they are part of the program
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

// Migrate brings the schema to the newest version. Processes that start
// together wait for each other; one that dies leaves no half migration.
func (s *Store) Migrate(ctx context.Context) error {
	p, err := s.engine.migrator().provider()
	if err != nil {
		return fmt.Errorf("migrate store: %w", err)
	}
	_, err = p.Up(ctx)
	if err := errors.Join(err, p.Close()); err != nil {
		return fmt.Errorf("migrate store: %w", err)
	}
	return nil
}

// Versions tells which version the schema has and which it could have.
func (s *Store) Versions(ctx context.Context) (Versions, error) {
	return s.engine.migrator().versions(ctx)
}

func (m migrator) provider() (*goose.Provider, error) {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := m.open()
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(m.dialect, db, migrationFS{files, m.suffix}, m.lock, goose.WithDisableGlobalRegistry(true))
}

func (m migrator) versions(ctx context.Context) (v Versions, err error) {
	p, err := m.provider()
	if err != nil {
		return v, fmt.Errorf("read schema version: %w", err)
	}
	sources := p.ListSources()
	v.Newest = sources[len(sources)-1].Version
	db, err := m.peek()
	if err != nil {
		return v, fmt.Errorf("read schema version: %w", err)
	}
	v.Current, err = m.current(ctx, db)
	if err := errors.Join(err, p.Close(), db.Close()); err != nil {
		return v, fmt.Errorf("read schema version: %w", err)
	}
	return v, nil
}

// current reads the version without making the table it stands in, as goose
// would.
func (m migrator) current(ctx context.Context, db *sql.DB) (version int64, err error) {
	var migrated bool
	if err := db.QueryRowContext(ctx, m.migrated).Scan(&migrated); err != nil || !migrated {
		return 0, err
	}
	err = db.QueryRowContext(ctx, "SELECT max(version_id) FROM "+goose.DefaultTablename).Scan(&version)
	return version, err
}

// refuseNewer refuses a database that a newer program has migrated.
func (m migrator) refuseNewer(ctx context.Context) error {
	v, err := m.versions(ctx)
	if err != nil {
		return err
	}
	if v.Current > v.Newest {
		return core.Errorf(core.Conflict, "the database has schema version %d, this program knows up to %d: use the newer program", v.Current, v.Newest)
	}
	return nil
}
