package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"keyrack/internal/core"
)

// Table is one of the schema's, as [Store.Export] gives it and [Store.Import]
// takes it. Columns and their order are its own; both databases have the same names.
type Table struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
	LastID  int64    `json:"last_id,omitempty"` // the highest id it ever gave; 0: none, or it gives none
}

// Snapshot is everything that is in a store, as of one moment. Values are nil,
// int64, float64, string or []byte on every database: times are microseconds since 1970,
// UUIDs their bytes.
type Snapshot struct {
	Version int64   // of the schema
	Tables  []Table // each after those that it refers to

	tx      *sql.Tx
	dialect exporter
	types   map[string][]string // of the columns, by table
}

// exporter is what reading and writing all rows needs to know of a database.
type exporter struct {
	columns    string // query: table, column, type; of all tables with rows of ours, columns in their order
	references string // query: table, table referred to
	// lastID reads the highest id that a table ever gave, setLastID sets it. The
	// table's name and the id stand for %[1]s and %[2]d.
	lastID, setLastID string
	// index makes the indexes that rows do not fill by themselves, once all are there.
	index     func(context.Context, *sql.Tx) error
	snapshot  sql.IsolationLevel // at which all reads see one moment
	patient   string             // first statement of a transaction that takes its time; empty: none is needed
	read      func(column, kind string) (expression string, err error)
	insert    func(t Table, kinds []string) (statement string)
	batch     int // rows that one statement inserts
	arguments func(kinds []string, rows [][]any) ([]any, error)
}

// Export reads the whole store as of one moment, while others write. It has
// connections of its own, which no limit on a statement's time cuts off.
func (s *Store) Export(ctx context.Context, fn func(*Snapshot) error) (err error) {
	m := s.engine.migrator()
	db, err := m.peek()
	if err != nil {
		return fmt.Errorf("read the whole store: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: m.exporter.snapshot, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("read the whole store: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // it has changed nothing
	snapshot := &Snapshot{tx: tx, dialect: m.exporter}
	if err := snapshot.describe(ctx); err != nil {
		return fmt.Errorf("read the whole store: %w", err)
	}
	return fn(snapshot)
}

// takeTime lifts the limits on how long a statement may take.
func (d exporter) takeTime(ctx context.Context, tx *sql.Tx) error {
	if d.patient == "" {
		return nil
	}
	_, err := tx.ExecContext(ctx, d.patient)
	return err
}

// describe finds out what there is to read.
func (s *Snapshot) describe(ctx context.Context) error {
	if err := s.dialect.takeTime(ctx, s.tx); err != nil {
		return err
	}
	err := s.tx.QueryRowContext(ctx, "SELECT max(version_id) FROM goose_db_version").Scan(&s.Version)
	if err != nil {
		return err
	}
	if s.Tables, s.types, err = tables(ctx, s.tx, s.dialect); err != nil {
		return err
	}
	for i, t := range s.Tables {
		if slices.Contains(t.Columns, "id") {
			last := s.tx.QueryRowContext(ctx, fmt.Sprintf(s.dialect.lastID, t.Name))
			if err := last.Scan(&s.Tables[i].LastID); err != nil {
				return fmt.Errorf("last id of %s: %w", t.Name, err)
			}
		}
	}
	return nil
}

// tables reads the schema: every table after those that it refers to, and the
// types of its columns.
func tables(ctx context.Context, tx *sql.Tx, d exporter) (list []Table, types map[string][]string, err error) {
	types = map[string][]string{}
	err = eachRow(ctx, tx, d.columns, func(scan func(...any) error) error {
		var table, column, kind string
		if err := scan(&table, &column, &kind); err != nil {
			return err
		}
		if len(list) == 0 || list[len(list)-1].Name != table {
			list = append(list, Table{Name: table})
		}
		last := &list[len(list)-1]
		last.Columns, types[table] = append(last.Columns, column), append(types[table], kind)
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read the schema: %w", err)
	}
	needs := map[string][]string{}
	err = eachRow(ctx, tx, d.references, func(scan func(...any) error) error {
		var from, to string
		err := scan(&from, &to)
		needs[from] = append(needs[from], to)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read the schema: %w", err)
	}
	return referredFirst(list, needs), types, nil
}

// referredFirst orders tables so that each comes after those it needs. The
// schema has no circles; one would keep its order.
func referredFirst(list []Table, needs map[string][]string) (ordered []Table) {
	slices.SortFunc(list, func(a, b Table) int { return cmp.Compare(a.Name, b.Name) })
	seen := map[string]bool{}
	var visit func(Table)
	visit = func(t Table) {
		if seen[t.Name] {
			return
		}
		seen[t.Name] = true
		for _, other := range list {
			if slices.Contains(needs[t.Name], other.Name) {
				visit(other)
			}
		}
		ordered = append(ordered, t)
	}
	for _, t := range list {
		visit(t)
	}
	return ordered
}

// Rows gives each row of a table. The values are of this call alone.
func (s *Snapshot) Rows(ctx context.Context, t Table, each func(values []any) error) error {
	expressions := make([]string, len(t.Columns))
	for i, column := range t.Columns {
		var err error
		if expressions[i], err = s.dialect.read(quoted(column), s.types[t.Name][i]); err != nil {
			return fmt.Errorf("read %s: %w", t.Name, err)
		}
	}
	values := make([]any, len(t.Columns))
	into := make([]any, len(values))
	for i := range values {
		into[i] = &values[i]
	}
	query := "SELECT " + strings.Join(expressions, ", ") + " FROM " + t.Name // names are the schema's
	err := eachRow(ctx, s.tx, query, func(scan func(...any) error) error {
		if err := scan(into...); err != nil {
			return err
		}
		return each(values)
	})
	if err != nil {
		return fmt.Errorf("read %s: %w", t.Name, err)
	}
	return nil
}

func eachRow(ctx context.Context, tx *sql.Tx, query string, each func(scan func(...any) error) error) (err error) {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// errNotOurs is the error of rows that no schema of ours can have given.
func errNotOurs(format string, args ...any) error {
	return core.Errorf(core.Invalid, format, args...)
}
