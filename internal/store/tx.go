package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"keyrack/internal/core"
)

// tx is an open transaction, given to one function and used by it alone.
//
// The first failure ends it: every later call gives the same error, and the
// transaction is rolled back whatever the function returns. Otherwise a
// function that overlooks an error would go on after the database itself has
// rolled back, on SQLite outside any transaction. NotFound is no failure.
type tx struct {
	ctx    context.Context // the caller's
	until  time.Time       // the store's own limit; zero: none beyond the context's
	db     *database
	run    runner
	failed error

	readOnly  bool
	lone      bool        // it is no transaction, but one statement
	begun     bool        // a statement was run
	moving    bool        // each statement sees what was committed before it
	wrote     bool        // it may have changed something
	nextKey   int64       // the id that the next key is to have; zero: not known
	unindexed []unindexed // rows whose texts their index does not know yet
	edited    []string    // lists of which another edition begins
}

var _ core.Tx = (*tx)(nil)

// runner runs statements in a transaction.
type runner interface {
	// query and exec prepare text once for each connection. The context's end
	// need not stop them; they are for short statements.
	query(ctx context.Context, text string, args []any) (answer, error)
	exec(ctx context.Context, text string, args []any) (sql.Result, error)
	// queryMade runs a query whose text was made for a filter and may come again.
	queryMade(ctx context.Context, text string, args []any) (answer, error)
	// queryFew runs one that is as short as those of query.
	queryFew(ctx context.Context, text string, args []any) (answer, error)
	// once runs a query that is not worth keeping prepared.
	once(ctx context.Context, text string, args ...any) (answer, error)
	// later is exec of which nobody waits for the answer. Where that is far away
	// the statement is sent with the next one, and its failure told then;
	// laterOne fails also where it changed no row.
	later(ctx context.Context, text string, args []any) error
	laterOne(ctx context.Context, text string, args []any) error
	// laterID is later for an INSERT of one row, whose id is told with the answer.
	laterID(ctx context.Context, text string, args []any, told func(id int64)) error
}

// answer is what a query finds, row by row: [sql.Rows], or that of pgx.
type answer interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close() error
}

// ready tells whether another statement may run.
func (t *tx) ready() error {
	if t.failed != nil {
		return t.failed
	}
	if err := t.ctx.Err(); err != nil {
		return t.fail(err)
	}
	if !t.until.IsZero() && time.Now().After(t.until) {
		return t.fail(context.DeadlineExceeded)
	}
	if t.lone && t.begun {
		return t.fail(errSecond)
	}
	t.begun = true
	return nil
}

// fail ends the transaction with an error of a driver or of a context.
func (t *tx) fail(err error) error {
	if t.failed == nil {
		t.failed = t.db.speaks.translate(err)
	}
	return t.failed
}

// result is what the function's error and the state of the transaction amount to.
func (t *tx) result(err error) error {
	if t.failed != nil && !errors.Is(err, t.failed) {
		return t.failed
	}
	return err
}

// writable tells whether a statement that changes rows may run with args, and
// notes what it changes.
func (t *tx) writable(text string, args []any) error {
	if err := t.ready(); err != nil {
		return err
	}
	if t.readOnly {
		return t.fail(errReadOnly)
	}
	if !storable(args) {
		return t.fail(errText)
	}
	t.wrote = true
	t.edit(changedBy(text))
	return nil
}

var (
	errReadOnly = errors.New("a view must not write")
	errSecond   = errors.New("a second statement outside a transaction")
	errText     = core.Errorf(core.Invalid, "text must be valid UTF-8 without NUL")
)

// storable tells whether both databases can keep the texts among args.
// PostgreSQL cannot keep broken UTF-8 and NUL, and fails when asked for them.
func storable(args []any) bool {
	for _, a := range args {
		switch text := a.(type) {
		case string:
			if !storableText(text) {
				return false
			}
		case *string:
			if text != nil && !storableText(*text) {
				return false
			}
		}
	}
	return true
}

func storableText(text string) bool {
	return utf8.ValidString(text) && strings.IndexByte(text, 0) < 0
}

// exec runs a statement that changes rows and tells how many it changed.
func (t *tx) exec(text string, args ...any) (int64, error) {
	if err := t.writable(text, args); err != nil {
		return 0, err
	}
	result, err := t.run.exec(t.ctx, t.db.speaks.placeholders(text), t.db.bind(args))
	if err != nil {
		return 0, t.fail(err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return 0, t.fail(err)
	}
	return n, nil
}

// later runs a statement that changes rows, of which nothing is told but that
// it failed: by the commit at the latest.
func (t *tx) later(text string, args ...any) error {
	return t.put(t.run.later, text, args)
}

// changeLater is later for a row that this transaction has found.
func (t *tx) changeLater(text string, args ...any) error {
	return t.put(t.run.laterOne, text, args)
}

func (t *tx) put(run func(context.Context, string, []any) error, text string, args []any) error {
	if err := t.writable(text, args); err != nil {
		return err
	}
	err := run(t.ctx, t.db.speaks.placeholders(text), t.db.bind(args))
	if err == nil || errors.Is(err, errNotFound) {
		return err
	}
	return t.fail(err)
}

// insert adds one row and gives its new id.
func (t *tx) insert(text string, args []any) (int64, error) {
	if err := t.writable(text, args); err != nil {
		return 0, err
	}
	id, err := t.db.speaks.insert(t.ctx, t.run, t.db.speaks.placeholders(text), t.db.bind(args))
	if err != nil {
		return 0, t.fail(err)
	}
	return id, nil
}

// query runs a prepared query and hands over each row. The text has ? for
// arguments. What cannot be stored is found nowhere.
func (t *tx) query(scan func(answer) error, text string, args ...any) error {
	if err := t.ready(); err != nil || !storable(args) {
		return err
	}
	return t.rows(scan)(t.run.query(t.ctx, t.db.speaks.placeholders(text), t.db.bind(args)))
}

// each reads rows to their end and closes them.
func each(rows answer, scan func(answer) error) error {
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// count gives the number that a query of one row and one column finds.
func (t *tx) count(text string, args ...any) (int, error) {
	var n int
	err := t.query(func(r answer) error { return r.Scan(&n) }, text, args...)
	return n, err
}

// change runs a statement meant for one row and gives NotFound where there is none.
func (t *tx) change(text string, args ...any) error {
	n, err := t.exec(text, args...)
	if err != nil {
		return err
	}
	if n == 0 {
		return errNotFound
	}
	return nil
}

var errNotFound = core.Errorf(core.NotFound, "not found")
