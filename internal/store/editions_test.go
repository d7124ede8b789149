package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"testing"

	"keyrack/internal/core"
	"keyrack/internal/store"
	"keyrack/internal/store/storetest"
)

// The program numbers the editions of lists where SQLite did it by triggers. In
// this test triggers watch it: all of the suite runs, and no transaction may
// change a table that a list looks at without another edition of the list.
func TestSQLiteNumbersEditions(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t testing.TB) core.Store { return watch(t) })
}

// watched is a store that after each update looks whether one was forgotten.
type watched struct {
	*store.Store
	t  testing.TB
	db *sql.DB
}

func watch(t testing.TB) watched {
	t.Helper()
	path := storetest.SQLitePath(t)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w := watched{t: t, db: db}
	w.do(`CREATE TABLE unnumbered (list TEXT PRIMARY KEY);
		CREATE TRIGGER numbered AFTER UPDATE ON changes BEGIN DELETE FROM unnumbered WHERE list = new.list; END`)
	for list, text := range store.ListTexts() {
		for _, table := range w.tables(text) {
			w.watch(list, table)
		}
	}
	w.Store = storetest.Open(t, store.Options{Path: path})
	return w
}

func (w watched) do(statement string) {
	if _, err := w.db.ExecContext(w.t.Context(), statement); err != nil {
		w.t.Fatalf("%s: %v", statement, err)
	}
}

// tables gives those of the schema that a text names.
func (w watched) tables(text string) (named []string) {
	for _, table := range w.column("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'") {
		if regexp.MustCompile(`\b` + table + `\b`).MatchString(text) {
			named = append(named, table)
		}
	}
	return named
}

func (w watched) column(query string) (values []string) {
	rows, err := w.db.QueryContext(context.WithoutCancel(w.t.Context()), query)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			w.t.Fatal(err)
		}
		values = append(values, v)
	}
	if err := rows.Err(); err != nil {
		w.t.Fatal(err)
	}
	return values
}

// watch makes triggers on what changes the rows of a table, but for the one
// column that filters by it count anew each time.
func (w watched) watch(list, table string) {
	events := []string{"INSERT", "DELETE"}
	for _, column := range w.column("SELECT name FROM pragma_table_info('" + table + "') WHERE name <> 'last_login_at'") {
		events = append(events, "UPDATE OF "+column)
	}
	for i, event := range events {
		w.do(fmt.Sprintf("CREATE TRIGGER watch_%[1]s_%[2]s_%[3]d AFTER %[4]s ON %[2]s BEGIN INSERT OR IGNORE INTO unnumbered VALUES ('%[1]s'); END",
			list, table, i, event))
	}
}

func (w watched) Update(ctx context.Context, fn func(core.Tx) error) error {
	defer w.check()
	return w.Store.Update(ctx, fn)
}

func (w watched) UpdateLocked(ctx context.Context, fn func(core.Tx) error) error {
	defer w.check()
	return w.Store.UpdateLocked(ctx, fn)
}

func (w watched) Bulk(ctx context.Context, fn func(core.Tx) error) error {
	defer w.check()
	return w.Store.Bulk(ctx, fn)
}

func (w watched) check() {
	if lists := w.column("SELECT list FROM unnumbered"); len(lists) > 0 {
		w.t.Errorf("changes of lists %q began no other edition of them", lists)
	}
}
