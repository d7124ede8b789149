package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// quoted is a name of the schema, as both databases take it whatever word it is.
func quoted(name string) string { return `"` + name + `"` }

func quotedAll(names []string) string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = quoted(name)
	}
	return strings.Join(list, ", ")
}

// sqliteExporter leaves out what SQLite keeps of its own, the counts of changes,
// and the indexes of texts, which are made anew.
var sqliteExporter = exporter{
	columns: `SELECT t.name, c.name, c.type FROM pragma_table_list AS t JOIN pragma_table_info(t.name) AS c
		WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite!_%' ESCAPE '!' AND t.name NOT IN ('goose_db_version', 'changes')
		ORDER BY t.name, c.cid`,
	references: `SELECT t.name, f."table" FROM pragma_table_list AS t JOIN pragma_foreign_key_list(t.name) AS f
		WHERE t.schema = 'main' AND t.type = 'table'`,
	lastID: "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = '%[1]s'), 0)",
	index: func(ctx context.Context, tx *sql.Tx) error {
		return firstError(
			ifThere(ctx, tx, "key_names", "INSERT INTO key_names (key_names) VALUES ('rebuild')"),
			ifThere(ctx, tx, "account_texts", "INSERT INTO account_texts (account_texts) VALUES ('rebuild')"),
			ifThere(ctx, tx, "changes", "UPDATE changes SET times = times + 1"),
		)
	},
	setLastID: "DELETE FROM sqlite_sequence WHERE name = '%[1]s'; INSERT INTO sqlite_sequence (name, seq) VALUES ('%[1]s', %[2]d)",
	read: func(column, kind string) (string, error) {
		switch kind {
		case "INTEGER", "REAL", "TEXT", "BLOB":
			return column, nil
		}
		return "", fmt.Errorf("column %s has type %s", column, kind)
	},
	insert: func(t Table, _ []string) string {
		return "INSERT INTO " + t.Name + " (" + quotedAll(t.Columns) + ") VALUES (?" + strings.Repeat(", ?", len(t.Columns)-1) + ")"
	},
	batch:     1,
	arguments: func(_ []string, rows [][]any) ([]any, error) { return rows[0], nil },
}

// ifThere runs a statement where SQLite's schema has a table: the version that
// is filled may be one before it.
func ifThere(ctx context.Context, tx *sql.Tx, table, statement string) error {
	var there bool
	err := tx.QueryRowContext(ctx, "SELECT count(*) > 0 FROM sqlite_schema WHERE name = ?", table).Scan(&there)
	if err == nil && there {
		_, err = tx.ExecContext(ctx, statement)
	}
	return err
}

// postgresTypes says how a column is read as one of the values of
// [Snapshot], and how it is made of one again; %s is the column.
var postgresTypes = map[string]struct{ read, array, write string }{
	"bigint":   {"%s", "bigint", "%s"},
	"integer":  {"%s::bigint", "bigint", "%s::integer"},
	"smallint": {"%s::bigint", "bigint", "%s::smallint"},
	"boolean":  {"%s::integer::bigint", "bigint", "%s <> 0"},
	"timestamp with time zone": {
		"(extract(epoch FROM %s) * 1000000)::bigint", "bigint",
		"'epoch'::timestamptz + (%[1]s / 1000000) * interval '1 second' + (%[1]s %% 1000000) * interval '1 microsecond'",
	},
	"double precision": {"%s", "double precision", "%s"},

	"text":  {"%s", "text", "%s"},
	"bytea": {"%s", "bytea", "%s"},
	"uuid":  {"uuid_send(%s)", "bytea", "encode(%s, 'hex')::uuid"},
}

var postgresExporter = exporter{
	columns: `SELECT c.relname::text, a.attname::text, format_type(a.atttypid, NULL)
		FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
		WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND c.relname NOT IN ('goose_db_version', 'changes')
			AND a.attnum > 0 AND NOT a.attisdropped
		ORDER BY c.relname, a.attnum`,
	references: `SELECT c.relname::text, r.relname::text FROM pg_constraint AS f
		JOIN pg_class AS c ON c.oid = f.conrelid JOIN pg_class AS r ON r.oid = f.confrelid
		WHERE f.contype = 'f' AND c.relnamespace = current_schema()::regnamespace
		UNION ALL VALUES ('evidence', 'keys')`, // which the program keeps
	lastID:    "SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence('%[1]s', 'id')::regclass), 0)",
	index:     func(context.Context, *sql.Tx) error { return nil },
	setLastID: "SELECT setval(pg_get_serial_sequence('%[1]s', 'id'), %[2]d)",
	snapshot:  sql.LevelRepeatableRead,
	patient:   "SELECT set_config('statement_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true)",
	read: func(column, kind string) (string, error) {
		of, known := postgresTypes[kind]
		if !known {
			return "", fmt.Errorf("column %s has type %s", column, kind)
		}
		return fmt.Sprintf(of.read, column), nil
	},
	insert:    insertArrays,
	batch:     500,
	arguments: arrays,
}

// insertArrays inserts many rows by one statement, whose arguments are an array a column.
func insertArrays(t Table, kinds []string) string {
	from, values := make([]string, len(kinds)), make([]string, len(kinds))
	for i, kind := range kinds {
		from[i] = fmt.Sprintf("$%d::%s[]", i+1, postgresTypes[kind].array)
		values[i] = fmt.Sprintf(postgresTypes[kind].write, "v."+quoted(t.Columns[i]))
	}
	return "INSERT INTO " + t.Name + " (" + quotedAll(t.Columns) + ") SELECT " + strings.Join(values, ", ") +
		" FROM unnest(" + strings.Join(from, ", ") + ") AS v (" + quotedAll(t.Columns) + ")"
}

// arrays turns rows into an array a column.
func arrays(kinds []string, rows [][]any) (columns []any, err error) {
	columns = make([]any, len(kinds))
	for c, kind := range kinds {
		switch postgresTypes[kind].array {
		case "bigint":
			columns[c], err = transpose[int64](rows, c)
		case "double precision":
			columns[c], err = transpose[float64](rows, c)
		case "text":
			columns[c], err = transpose[string](rows, c)
		default:
			columns[c], err = transpose[[]byte](rows, c)
		}
		if err != nil {
			return nil, err
		}
	}
	return columns, nil
}

// transpose gives one column of rows; nil is NULL.
func transpose[T any](rows [][]any, c int) ([]*T, error) {
	list := make([]*T, len(rows))
	for i, row := range rows {
		switch v := row[c].(type) {
		case nil:
		case T:
			list[i] = &v
		default:
			return nil, errNotOurs("a value is %T where it should be %T", v, *new(T))
		}
	}
	return list, nil
}
