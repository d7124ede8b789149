package store_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyrack/internal/core"
	"keyrack/internal/pgtest"
	"keyrack/internal/store"
	"keyrack/internal/store/storetest"
)

// content is all that a store gives.
type content struct {
	Version int64
	Tables  []store.Table
	Rows    map[string][][]any
}

func exported(t testing.TB, o store.Options) (all content) {
	t.Helper()
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Export(t.Context(), func(of *store.Snapshot) error {
		all = content{Version: of.Version, Tables: of.Tables, Rows: map[string][][]any{}}
		for _, table := range of.Tables {
			err := of.Rows(t.Context(), table, func(values []any) error {
				all.Rows[table.Name] = append(all.Rows[table.Name], slices.Clone(values))
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return all
}

// imported fills a database and leaves it at the version it was given.
func imported(ctx context.Context, o store.Options, all content) error {
	s, err := store.Open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	return s.Import(ctx, all.Version, func(l *store.Load) error {
		for _, table := range all.Tables {
			rows := all.Rows[table.Name]
			err := l.Table(ctx, table, func() ([]any, bool, error) {
				if len(rows) == 0 {
					return nil, false, nil
				}
				row := rows[0]
				rows = rows[1:]
				return row, true, nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// byName makes contents of two databases alike, whose columns and rows have
// orders of their own.
func byName(all content) map[string][]map[string]any {
	tables := map[string][]map[string]any{}
	for _, t := range all.Tables {
		for _, row := range all.Rows[t.Name] {
			named := map[string]any{}
			for i, column := range t.Columns {
				named[column] = row[i]
			}
			tables[t.Name] = append(tables[t.Name], named)
		}
	}
	return tables
}

func lastIDs(all content) map[string]int64 {
	ids := map[string]int64{}
	for _, t := range all.Tables {
		ids[t.Name] = t.LastID
	}
	return ids
}

// TestExportAndImport takes the oldest fixture, which has rows in every table
// of its version, and what became of it by migrating, from each database to each.
func TestExportAndImport(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"oldest", "newest"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, from store.Options) {
				dialect := "sqlite"
				if from.URL != "" {
					dialect = "postgres"
				}
				load(t, from, "testdata/version1."+dialect+".sql")
				if version == "newest" {
					if err := reopen(t, from).Close(); err != nil {
						t.Fatal(err)
					}
				}
				want := exported(t, from)
				for name, to := range map[string]store.Options{"sqlite": {Path: t.TempDir() + "/k.db"}, "postgres": {URL: pgtest.URL(t)}} {
					if err := imported(t.Context(), to, want); err != nil {
						t.Fatalf("to %s: %v", name, err)
					}
					got := exported(t, to)
					if d := cmp.Diff(byName(want), byName(got)); d != "" || got.Version != want.Version {
						t.Errorf("to %s, version %d of %d (-want +got):\n%s", name, got.Version, want.Version, d)
					}
					if d := cmp.Diff(lastIDs(want), lastIDs(got)); d != "" {
						t.Errorf("last ids in %s (-want +got):\n%s", name, d)
					}
					if err := imported(t.Context(), to, want); core.KindOf(err) != core.Conflict {
						t.Errorf("into %s, which holds something: %v, want a conflict", name, err)
					}
					s := reopen(t, to)
					wantSound(t, s)
					wantFixture(t, s)
				}
			})
		})
	}
}

// TestImportIsWholeOrNothing breaks off after some rows, and gives rows that no
// database may take.
func TestImportIsWholeOrNothing(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, to store.Options) {
		from := store.Options{Path: t.TempDir() + "/k.db"}
		load(t, from, "testdata/version1.sqlite.sql")
		good := exported(t, from)
		bad := map[string]func(*content){
			"a key of nobody": func(c *content) { delete(c.Rows, "accounts") },
			"an unknown table": func(c *content) {
				c.Tables = append(slices.Clone(c.Tables), store.Table{Name: "no_such_table", Columns: []string{"id"}})
			},
			"a number for a text": func(c *content) {
				c.Rows["locations"] = [][]any{{int64(1), []byte("0123456789abcdef"), []byte{255}, int64(1), int64(1)}}
			},
			"a newer schema": func(c *content) { c.Version = 9999 },
		}
		for name, spoil := range bad {
			spoiled := content{Version: good.Version, Tables: good.Tables, Rows: map[string][][]any{}}
			for table, rows := range good.Rows {
				spoiled.Rows[table] = rows
			}
			spoil(&spoiled)
			if err := imported(t.Context(), to, spoiled); err == nil {
				t.Errorf("%s was taken", name)
			}
		}
		if err := imported(t.Context(), to, good); err != nil {
			t.Errorf("after those that were refused: %v", err)
		}
	})
}

// TestExportIsOfOneMoment writes beside an export, which sees none of it.
func TestExportIsOfOneMoment(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		put(t, s, "before")
		err := s.Export(t.Context(), func(of *store.Snapshot) error {
			put(t, s, "meanwhile")
			i := slices.IndexFunc(of.Tables, func(table store.Table) bool { return table.Name == "settings" })
			rows := 0
			err := of.Rows(t.Context(), of.Tables[i], func([]any) error { rows++; return nil })
			if rows != 1 {
				t.Errorf("%d settings, want the one from before", rows)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
