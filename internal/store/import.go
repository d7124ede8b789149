package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"keyrack/internal/core"
)

// Load takes rows into an empty store, see [Store.Import].
type Load struct {
	tx      *sql.Tx
	dialect exporter
	known   []Table
	types   map[string][]string
}

// Import fills an empty store with what [Snapshot] gave, at the version of the
// schema that it had there, which may be older than this program's: [Store.Migrate]
// comes after it. All rows are there, and none refers to what is not, or none is.
// A store that holds something is refused.
func (s *Store) Import(ctx context.Context, version int64, fn func(*Load) error) (err error) {
	m := s.engine.migrator()
	if err := s.migrateTo(ctx, version); err != nil {
		return err
	}
	db, err := m.open()
	if err != nil {
		return fmt.Errorf("fill store: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("fill store: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	l := &Load{tx: tx, dialect: m.exporter}
	if err := l.dialect.takeTime(ctx, tx); err != nil {
		return fmt.Errorf("fill store: %w", err)
	}
	if l.known, l.types, err = tables(ctx, tx, l.dialect); err != nil {
		return fmt.Errorf("fill store: %w", err)
	}
	if err := l.wantEmpty(ctx); err != nil {
		return err
	}
	if err := fn(l); err != nil {
		return err
	}
	if err := l.dialect.index(ctx, tx); err != nil {
		return fmt.Errorf("fill store: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("fill store: %w", err)
	}
	return nil
}

// migrateTo brings an empty database to a version. One that has another version
// already holds something.
func (s *Store) migrateTo(ctx context.Context, version int64) error {
	v, err := s.Versions(ctx)
	switch {
	case err != nil:
		return err
	case version > v.Newest:
		return core.Errorf(core.Conflict, "it has schema version %d, this program knows up to %d: use the newer program", version, v.Newest)
	case v.Current == version:
		return nil
	case v.Current != 0:
		return errHolds
	}
	p, err := s.engine.migrator().provider()
	if err != nil {
		return fmt.Errorf("migrate store: %w", err)
	}
	_, err = p.UpTo(ctx, version)
	if err := errors.Join(err, p.Close()); err != nil {
		return fmt.Errorf("migrate store: %w", err)
	}
	return nil
}

var errHolds = core.Errorf(core.Conflict, "the store holds something already; name an empty place by --data-dir or --database-url")

// wantEmpty refuses a store in which any table has a row.
func (l *Load) wantEmpty(ctx context.Context) error {
	for _, t := range l.known {
		var holds bool
		if err := l.tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM "+t.Name+")").Scan(&holds); err != nil { // #nosec G202 -- a name of the schema
			return fmt.Errorf("look into %s: %w", t.Name, err)
		}
		if holds {
			return errHolds
		}
	}
	return nil
}

// Table takes a table's rows: next gives one after another, and false after the
// last. Tables come in the order in which they were given.
func (l *Load) Table(ctx context.Context, t Table, next func() (values []any, more bool, err error)) error {
	i := slices.IndexFunc(l.known, func(k Table) bool { return k.Name == t.Name })
	if i < 0 || !sameNames(l.known[i].Columns, t.Columns) {
		return errNotOurs("table %s with columns %q is not in the schema", t.Name, t.Columns)
	}
	kinds := make([]string, len(t.Columns))
	for c, column := range t.Columns {
		kinds[c] = l.types[t.Name][slices.Index(l.known[i].Columns, column)]
	}
	statement, err := l.tx.PrepareContext(ctx, l.dialect.insert(t, kinds))
	if err != nil {
		return fmt.Errorf("fill %s: %w", t.Name, err)
	}
	defer func() { _ = statement.Close() }()
	if err := l.fill(ctx, statement, kinds, next); err != nil {
		return fmt.Errorf("fill %s: %w", t.Name, err)
	}
	if t.LastID == 0 {
		return nil
	}
	if _, err := l.tx.ExecContext(ctx, fmt.Sprintf(l.dialect.setLastID, t.Name, t.LastID)); err != nil {
		return fmt.Errorf("set the last id of %s: %w", t.Name, err)
	}
	return nil
}

func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// fill inserts rows, as many at a time as the dialect takes.
func (l *Load) fill(ctx context.Context, insert *sql.Stmt, kinds []string, next func() ([]any, bool, error)) error {
	for more := true; more; {
		var rows [][]any
		for len(rows) < l.dialect.batch {
			var values []any
			var err error
			if values, more, err = next(); err != nil {
				return err
			}
			if !more {
				break
			}
			rows = append(rows, values)
		}
		if len(rows) == 0 {
			return nil
		}
		arguments, err := l.dialect.arguments(kinds, rows)
		if err != nil {
			return err
		}
		if _, err := insert.ExecContext(ctx, arguments...); err != nil {
			return err
		}
	}
	return nil
}
