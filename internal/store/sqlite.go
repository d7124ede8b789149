package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/uuid"
	"github.com/pressly/goose/v3"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// pragmas are set on every connection, in this order. busy_timeout comes first
// because the others may have to wait for a lock too.
var pragmas = []string{
	"busy_timeout(5000)",
	"journal_mode(WAL)",
	"synchronous(FULL)", // what was acknowledged survives a power cut
	"foreign_keys(ON)",
	"mmap_size(8589934592)",        // only address space; halves the cost of a read
	"journal_size_limit(67108864)", // a WAL that once was long shrinks again
	"temp_store(MEMORY)",           // also of the journals that savepoints need
	fmt.Sprintf("cache_size(-%d)", plainCache),
	"wal_autocheckpoint(4000)", // pages: 16 MiB
	"trusted_schema(OFF)",
}

// How much of the database a connection keeps in memory, in KiB: enough for the
// pages of a batch of small updates, and for those of a large one. It takes twice
// as much: the allocator gives each page, which has a header, the next power of two.
const (
	plainCache = 16_000
	bulkCache  = 120_000
)

// sqliteEngine is a database in a file. Readers work beside the one writer.
type sqliteEngine struct {
	path    string
	db      *database
	readers *sessions
	writer  *batcher
}

func openSQLite(ctx context.Context, o Options) (engine, error) {
	if err := createPrivate(o.Path); err != nil {
		return nil, fmt.Errorf("open store %s: %w", o.Path, err)
	}
	// Syncs no time stamps, as every distribution's SQLite; where that is not to be had it stays off.
	_, _ = sqlite.Fdatasync(true)
	e := &sqliteEngine{path: o.Path}
	if err := e.migrator().refuseNewer(ctx); err != nil {
		return nil, fmt.Errorf("open store %s: %w", o.Path, err)
	}
	pool, err := e.migrator().open()
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", o.Path, err)
	}
	e.db = newDatabase(bun.NewDB(pool, sqlitedialect.New()), sqliteDialect{})
	e.readers = newSessions(pool, cmp.Or(o.Connections, max(2, runtime.GOMAXPROCS(0))))
	e.writer = newBatcher(e.db, newSessions(pool, 1), o.Log)
	return e, nil
}

func (e *sqliteEngine) migrator() migrator {
	return migrator{
		dialect:  goose.DialectSQLite3,
		suffix:   "sqlite",
		exporter: sqliteExporter,
		migrated: "SELECT count(*) > 0 FROM sqlite_schema WHERE name = '" + goose.DefaultTablename + "'",
		open: func() (*sql.DB, error) {
			return sql.Open("sqlite", uri(e.path, url.Values{"_pragma": pragmas, "_dqs": {"0"}, "_defensive": {"1"}}))
		},
		peek: func() (*sql.DB, error) {
			return sql.Open("sqlite", uri(e.path, url.Values{"_pragma": pragmas[:1], "mode": {"ro"}}))
		},
		lock: goose.WithLocker(&fileLock{flock.New(e.path + ".migrate")}),
	}
}

// fileLock lets one process migrate at a time. goose itself has no lock for
// SQLite (https://github.com/pressly/goose/issues/1022).
type fileLock struct{ *flock.Flock }

// Lock implements [lock.Locker].
func (l *fileLock) Lock(ctx context.Context, _ *sql.DB) error {
	_, err := l.TryLockContext(ctx, 50*time.Millisecond)
	return err
}

// Unlock implements [lock.Locker].
func (l *fileLock) Unlock(context.Context, *sql.DB) error { return l.Flock.Unlock() }

// createPrivate makes the file where there is none. SQLite gives its companions
// (-wal, -shm) the same mode.
func createPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) // #nosec G304 -- the operator names the file
	if err != nil {
		return err
	}
	return f.Close()
}

// uri names the file so that no character of its path has a meaning.
func uri(path string, parameters url.Values) string {
	u := url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: parameters.Encode()}
	return u.String()
}

func (e *sqliteEngine) inspect(ctx context.Context, fn func(*tx) error) error {
	return e.snapshot(ctx, fn)
}

func (e *sqliteEngine) update(ctx context.Context, fn func(*tx) error) error {
	return e.writer.do(ctx, false, fn)
}

// updateLocked is update: there is one that writes at a time.
func (e *sqliteEngine) updateLocked(ctx context.Context, fn func(*tx) error) error {
	return e.update(ctx, fn)
}

func (e *sqliteEngine) bulk(ctx context.Context, fn func(*tx) error) error {
	return e.writer.do(ctx, true, fn)
}

func (e *sqliteEngine) view(ctx context.Context, fn func(*tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, viewLimit)
	defer cancel()
	return e.snapshot(ctx, fn)
}

// glance has the store's limit without a context of its own: what it runs is
// short, and is not stopped halfway.
func (e *sqliteEngine) glance(ctx context.Context, fn func(*tx) error) error {
	s, err := e.readers.take(ctx)
	if err != nil {
		return e.db.speaks.translate(err)
	}
	defer e.readers.give(s)
	t := &tx{ctx: ctx, db: e.db, run: s, readOnly: true, lone: true}
	return t.result(fn(t))
}

// snapshot runs fn on the state that its first query finds.
func (e *sqliteEngine) snapshot(ctx context.Context, fn func(*tx) error) error {
	s, err := e.readers.take(ctx)
	if err != nil {
		return e.db.speaks.translate(err)
	}
	defer e.readers.give(s)
	if err := s.do(ctx, "BEGIN"); err != nil {
		return e.db.speaks.translate(err)
	}
	defer s.rollback(ctx)
	t := &tx{ctx: ctx, db: e.db, run: s, readOnly: true}
	return t.result(fn(t))
}

func (e *sqliteEngine) sound(ctx context.Context) error { return e.writer.sound(ctx) }

func (e *sqliteEngine) close() error {
	return errors.Join(e.writer.close(), e.readers.close(), e.db.Close())
}

// sqliteDialect is SQLite as modernc.org/sqlite speaks it.
type sqliteDialect struct{}

func (sqliteDialect) bind(arg any) any {
	switch v := arg.(type) {
	case instant:
		return v.UnixMicro()
	case uid:
		return v[:]
	case uuid.UUID:
		return v[:]
	}
	return arg
}

func (sqliteDialect) placeholders(text string) string { return text }

func (sqliteDialect) insert(ctx context.Context, r runner, text string, args []any) (int64, error) {
	result, err := r.exec(ctx, text, args)
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

func (sqliteDialect) nextID(string) string { return "" }

// reserve does nothing: AUTOINCREMENT goes on from the largest id there ever was.
func (sqliteDialect) reserve(*tx, string, int64) error { return nil }

func (sqliteDialect) rules() []rule {
	return []rule{
		{"damaged file", "SELECT 'database', integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'"},
		{"reference to nothing",
			`SELECT "table" || coalesce(' row ' || rowid, ''), 'no such row in ' || parent FROM pragma_foreign_key_check`},
		{"key without its name in the index", "SELECT 'key ' || id, '' FROM keys WHERE id NOT IN (SELECT id FROM key_names_docsize)"},
		{"name in the index without its key", "SELECT 'key ' || id, '' FROM key_names_docsize WHERE id NOT IN (SELECT id FROM keys)"},
		{"account without its texts in the index",
			"SELECT 'account ' || login, '' FROM accounts WHERE id NOT IN (SELECT id FROM account_texts_docsize)"},
		{"texts in the index without their account",
			"SELECT 'account ' || id, '' FROM account_texts_docsize WHERE id NOT IN (SELECT id FROM accounts)"},
	}
}

// indexTexts adds one row a statement: those that add more keep a journal.
func (sqliteDialect) indexTexts(t *tx, rows []unindexed) error {
	for _, r := range rows {
		if _, err := t.exec(r.insert, r.args...); err != nil {
			return err
		}
	}
	return nil
}

// fingerprint first looks for the eight bytes that the index has. They alone can
// be made to agree.
func (sqliteDialect) fingerprint(column string, sum []byte) (text string, args []any) {
	return "substr(" + column + ", 1, 8) = substr(?, 1, 8) AND " + column + " = ?", []any{sum, sum}
}

// like hides the pattern behind a plus: SQLite plans again with each pattern that
// is bound, to see whether an index finds what it begins with.
func (sqliteDialect) like(column string) string { return column + ` LIKE +? ESCAPE '\'` }

// rareParts is up to how many texts with a part are found by their index. It
// gives their ids alone; beyond that, going through the texts is quicker.
// fewParts is up to how many ids are read and looked up one by one, so that the
// index is asked once; they are padded to a power of four, so that there are few
// texts of such conditions.
const (
	rareParts = 2 * fewRows
	fewParts  = 256
)

func (d sqliteDialect) part(t *tx, p partOf) (foundParts, error) {
	if err := t.indexTexts(); err != nil {
		return foundParts{}, err
	}
	matching := "SELECT rowid FROM " + p.in.parts + " WHERE " + p.in.parts + " MATCH ?"
	whole := p.matched(p.text)
	counting, args := fmt.Sprintf("SELECT count(*) FROM (%s LIMIT %d)", matching, rareParts+1), []any{whole}
	is, known, err := t.remembered(p.list, counting, args)
	if err != nil {
		return foundParts{}, err
	}
	if !known || is.n <= fewParts {
		for _, match := range slices.Compact([]string{p.matched(samples(p.text)...), whole}) {
			ids, err := t.ids(fmt.Sprintf("%s LIMIT %d", matching, fewParts+1), match)
			if err != nil || len(ids) <= fewParts {
				return p.few(ids), err
			}
		}
		if is, err = t.countOf(p.list, counting, args); err != nil {
			return foundParts{}, err
		}
	}
	if is.n > rareParts {
		return d.anyPart(t, p)
	}
	return foundParts{text: "id IN (" + matching + ")", args: []any{whole}}, nil
}

// matched is what the index is asked for: texts that are all in the column.
func (p partOf) matched(texts ...string) string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
	}
	return p.in.folded + " : (" + strings.Join(quoted, " AND ") + ")"
}

// samples are the entries of the index that a text is made of, without those
// that overlap. Few texts have all of them and not the whole text, and the index
// takes as much longer to look for that as it has more entries.
func samples(text string) (all []string) {
	part := []rune(text)
	for len(part) > shortestPart {
		all = append(all, string(part[:shortestPart]))
		part = part[min(shortestPart, len(part)-shortestPart):]
	}
	return append(all, string(part))
}

// few holds for those of a few ids whose column has the text.
func (p partOf) few(ids []any) foundParts {
	if len(ids) == 0 {
		return foundParts{text: "FALSE", few: true}
	}
	places := 1
	for places < len(ids) {
		places *= 4
	}
	ids = append(ids, slices.Repeat(ids[:1], places-len(ids))...)
	text := "(id IN (?" + strings.Repeat(", ?", places-1) + ") AND instr(" + p.in.folded + ", ?) > 0)"
	return foundParts{text: text, args: append(ids, p.text), few: true}
}

func (sqliteDialect) anyPart(_ *tx, p partOf) (foundParts, error) {
	return foundParts{text: "instr(" + p.in.folded + ", ?) > 0", args: []any{p.text}}, nil
}

// lock does nothing: nobody else writes meanwhile.
func (sqliteDialect) lock(*tx, string, ...any) error { return nil }

func (sqliteDialect) fence() string { return "" }

func (sqliteDialect) gathers() bool { return true }

func (sqliteDialect) uuidText(column string) string {
	hex := "lower(hex(" + column + "))"
	return "substr(" + hex + ", 1, 8) || '-' || substr(" + hex + ", 9, 4) || '-' || substr(" + hex + ", 13, 4)" +
		" || '-' || substr(" + hex + ", 17, 4) || '-' || substr(" + hex + ", 21)"
}

func (sqliteDialect) translate(err error) error {
	failure, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return translateCommon(err)
	}
	switch failure.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return taken(err, failure.Error())
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return dangling(err)
	}
	switch failure.Code() & 0xff { // the rest of the code only tells which call failed
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM,
		sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_INTERRUPT:
		return unavailable(err)
	}
	return err
}
