package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// sessionParameters are set on every connection, whatever the server, the role
// or the database have as their default.
var sessionParameters = map[string]string{
	"application_name":                    "keyrack",
	"synchronous_commit":                  "on",    // what was acknowledged survives a power cut
	"standard_conforming_strings":         "on",    // bun escapes quotes, not backslashes
	"statement_timeout":                   "10000", // milliseconds
	"lock_timeout":                        "5000",
	"idle_in_transaction_session_timeout": "30000",
	"timezone":                            "UTC",
	"datestyle":                           "ISO", // this and the rest: how pgx reads text
	"bytea_output":                        "hex",
	"client_encoding":                     "UTF8",
}

const defaultConnections = 20

// postgresEngine is a PostgreSQL database. Every update is a serializable
// transaction, so that rules which span rows hold as on SQLite.
type postgresEngine struct {
	config *pgx.ConnConfig
	db     *database
	line   chan struct{} // for the connections: first come, first served, where database/sql draws lots
	closed atomic.Bool
}

func openPostgres(ctx context.Context, o Options) (engine, error) {
	config, err := pgx.ParseConfig(o.URL)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err) // pgx leaves the password out
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 5 * time.Second
	}
	e := &postgresEngine{config: config}
	if err := e.migrator().refuseNewer(ctx); err != nil {
		return nil, fmt.Errorf("open store: %w", postgresDialect{}.translate(err))
	}
	for name, value := range sessionParameters {
		config.RuntimeParams[name] = value
	}
	pool := stdlib.OpenDB(*config)
	connections := o.Connections
	if connections == 0 {
		connections = defaultConnections
	}
	e.line = make(chan struct{}, connections)
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	pool.SetConnMaxLifetime(time.Hour)
	e.db = newDatabase(bun.NewDB(pool, pgdialect.New()), postgresDialect{})
	return e, nil
}

// sound has nothing to add: what PostgreSQL could not write it has refused.
func (e *postgresEngine) sound(context.Context) error { return nil }

func (e *postgresEngine) close() error {
	e.closed.Store(true)
	return e.db.Close()
}

// migrator connects without the limits, since a migration may take its time.
func (e *postgresEngine) migrator() migrator {
	config := e.config.Copy()
	for name := range sessionParameters {
		delete(config.RuntimeParams, name)
	}
	connect := func() (*sql.DB, error) { return stdlib.OpenDB(*config), nil }
	return migrator{
		dialect:  goose.DialectPostgres,
		suffix:   "postgres",
		exporter: postgresExporter,
		migrated: "SELECT to_regclass('" + goose.DefaultTablename + "') IS NOT NULL",
		open:     connect,
		peek:     connect,
		lock:     sessionLock(),
	}
}

// sessionLock is an advisory lock, which ends with the connection at the latest.
func sessionLock() goose.ProviderOption {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 600), lock.WithUnlockTimeout(1, 60))
	if err != nil {
		panic(err) // the options are constants
	}
	return goose.WithSessionLocker(locker)
}

// How transactions begin. A snapshot is all that a view needs: as a serializable
// transaction it would stand in the way of those that write.
const (
	readOnly  = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	readWrite = "BEGIN ISOLATION LEVEL SERIALIZABLE"
	locked    = "BEGIN ISOLATION LEVEL READ COMMITTED"
)

func (e *postgresEngine) view(ctx context.Context, fn func(*tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, viewLimit)
	defer cancel()
	return e.retry(ctx, readOnly, fn)
}

// glance asks with one round trip, where beginning and ending a transaction
// would be two more. What it sees is what is committed at that moment.
func (e *postgresEngine) glance(ctx context.Context, fn func(*tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, viewLimit)
	defer cancel()
	return e.connected(ctx, func(conn *pgx.Conn) error {
		t := &tx{ctx: ctx, db: e.db, run: newPipeline(conn), readOnly: true, lone: true}
		return t.result(fn(t))
	})
}

// update is shielded from the end of the caller's context once it has begun:
// a COMMIT that is cut off has done nobody knows what.
func (e *postgresEngine) update(ctx context.Context, fn func(*tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, updateLimit)
	defer cancel()
	return e.retry(ctx, readWrite, fn)
}

// updateLocked has each statement see what was committed before it. Of two that
// add a row, neither reads the page of an index where the other's will be.
func (e *postgresEngine) updateLocked(ctx context.Context, fn func(*tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, updateLimit)
	defer cancel()
	return e.retry(ctx, locked, fn)
}

func (e *postgresEngine) bulk(ctx context.Context, fn func(*tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, bulkLimit)
	defer cancel()
	return e.retry(ctx, readWrite, fn)
}

// inspect has no limits: it reads everything.
func (e *postgresEngine) inspect(ctx context.Context, fn func(*tx) error) error {
	return e.retry(ctx, readOnly, func(t *tx) error {
		if _, err := t.run.exec(ctx, "SET LOCAL statement_timeout = 0", nil); err != nil {
			return t.fail(err)
		}
		return fn(t)
	})
}

// retry runs fn in transactions until one does not conflict with others.
// Nothing else is tried again: after a connection is lost nobody knows how far
// the server came.
func (e *postgresEngine) retry(ctx context.Context, begin string, fn func(*tx) error) error {
	for attempt := 0; ; attempt++ {
		err := e.attempt(ctx, begin, fn)
		if !isConflict(err) {
			return err
		}
		if !pause(ctx, attempt) {
			return unavailable(err)
		}
	}
}

// pause waits before another attempt, longer each time and never as long as
// another who waits. It is false if the time is up.
func pause(ctx context.Context, attempt int) bool {
	longest := min(time.Millisecond<<min(attempt, 10), 250*time.Millisecond)
	select {
	case <-time.After(rand.N(longest)): // #nosec G404 -- jitter
		return true
	case <-ctx.Done():
		return false
	}
}

func (e *postgresEngine) attempt(waiting context.Context, begin string, fn func(*tx) error) error {
	return e.connected(waiting, func(conn *pgx.Conn) error {
		ctx, cancel := shield(waiting, begin)
		defer cancel()
		return e.transact(ctx, newPipeline(conn, begin), begin, fn)
	})
}

// connected waits for a connection, which is fn's while it runs.
func (e *postgresEngine) connected(ctx context.Context, fn func(*pgx.Conn) error) error {
	select {
	case e.line <- struct{}{}:
		defer func() { <-e.line }()
	case <-ctx.Done():
		return unavailable(ctx.Err())
	}
	conn, err := e.db.DB.DB.Conn(ctx)
	if err != nil && e.closed.Load() {
		err = errClosed // database/sql has no error of its own that can be told
	}
	if err != nil {
		return e.db.speaks.translate(err)
	}
	defer func() { _ = conn.Close() }()
	return conn.Raw(func(connection any) error { return fn(connection.(*stdlib.Conn).Conn()) })
}

// transact runs fn in the transaction that p is.
func (e *postgresEngine) transact(ctx context.Context, p *pipeline, begin string, fn func(*tx) error) error {
	t := &tx{ctx: ctx, db: e.db, run: p, readOnly: begin == readOnly, moving: begin == locked}
	if err := t.result(fn(t)); err != nil {
		p.rollback(ctx)
		return err
	}
	if err := p.commit(ctx); err != nil {
		p.rollback(ctx)
		return e.db.speaks.translate(err)
	}
	return nil
}

// shield keeps the end of the caller's context from a transaction that writes:
// a COMMIT that is cut off has done nobody knows what. The limit stays.
func shield(ctx context.Context, begin string) (context.Context, context.CancelFunc) {
	until, limited := ctx.Deadline()
	if begin == readOnly || !limited {
		return ctx, func() {}
	}
	return context.WithDeadline(context.WithoutCancel(ctx), until)
}

// postgresDialect is PostgreSQL as pgx speaks it.
type postgresDialect struct{}

func (postgresDialect) bind(arg any) any {
	switch v := arg.(type) {
	case instant:
		return v.Time
	case uid:
		return [16]byte(v)
	case uuid.UUID:
		return [16]byte(v) // which pgx takes as it is
	}
	return arg
}

func (postgresDialect) placeholders(text string) string {
	var b strings.Builder
	for n := 1; ; n++ {
		before, after, found := strings.Cut(text, "?")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString("$" + strconv.Itoa(n))
		text = after
	}
}

func (d postgresDialect) insert(ctx context.Context, r runner, text string, args []any) (int64, error) {
	rows, err := r.query(ctx, text+" RETURNING id", args)
	if err != nil {
		return 0, err
	}
	var id int64
	err = each(rows, func(r answer) error { return r.Scan(&id) })
	return id, err
}

func (postgresDialect) nextID(table string) string { return "nextval('" + sequenceOf(table) + "')" }

// sequenceOf is PostgreSQL's own name for what ids of a table come from.
func sequenceOf(table string) string { return table + "_id_seq" }

// reserve moves the sequence on to the id, if it is not past it.
func (postgresDialect) reserve(t *tx, table string, id int64) error {
	sequence := sequenceOf(table)
	_, err := t.count("SELECT setval('"+sequence+"', ?) FROM "+sequence+" WHERE last_value < ?", id, id)
	return err
}

// rules has the one reference that is the program's to keep. PostgreSQL keeps the
// others in any case, and checks pages by checksums as it reads them.
func (postgresDialect) rules() []rule {
	return []rule{
		{"reference to nothing", "SELECT 'evidence row ' || id, 'no such row in keys' FROM evidence" +
			" WHERE NOT EXISTS (SELECT 1 FROM keys k WHERE k.id = key_id)"},
	}
}

// indexTexts does nothing: the indexes are of the columns themselves.
func (postgresDialect) indexTexts(*tx, []unindexed) error { return nil }

func (postgresDialect) fingerprint(column string, sum []byte) (text string, args []any) {
	return column + " = ?", []any{sum}
}

func (postgresDialect) like(column string) string { return column + ` ILIKE ? ESCAPE '\'` }

func (postgresDialect) part(_ *tx, p partOf) (foundParts, error) {
	return foundParts{text: p.in.folded + ` LIKE ? ESCAPE '\'`, args: []any{"%" + likeEscaper.Replace(p.text) + "%"}}, nil
}

func (postgresDialect) anyPart(_ *tx, p partOf) (foundParts, error) {
	return foundParts{text: "strpos(" + p.in.folded + ", ?) > 0", args: []any{p.text}}, nil
}

// lock goes with the query that follows, which sees what was committed before
// the lock was had: a query that locks its rows itself sees older ones beside them.
func (postgresDialect) lock(t *tx, text string, args ...any) error { return t.later(text, args...) }

func (postgresDialect) fence() string { return " OFFSET 0" }

func (postgresDialect) gathers() bool { return false }

func (postgresDialect) uuidText(column string) string { return column + "::text" }

// Classes and codes of errors: https://www.postgresql.org/docs/15/errcodes-appendix.html
const (
	codeUnique        = "23505"
	codeForeignKey    = "23503"
	codeSerialization = "40001"
	codeDeadlock      = "40P01"
	codeNoRow         = "22012" // division by zero, which is what [pipeline.laterOne] does then
)

// unavailableClasses begin the codes that say nothing about the request.
var unavailableClasses = []string{
	"08",    // connection
	"25006", // read-only: the server has become a standby
	"25P03", // idle in transaction for too long
	"40",    // conflict with another transaction
	"53",    // out of disk, memory, connections
	"55P03", // lock not available
	"57",    // shutting down, starting up, statement timeout
	"58",    // I/O error
}

func (postgresDialect) translate(err error) error {
	failure, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return translateConnection(err)
	}
	switch failure.Code {
	case codeUnique:
		return taken(err, failure.ConstraintName)
	case codeForeignKey:
		return dangling(err)
	case codeNoRow:
		return errNotFound
	}
	for _, class := range unavailableClasses {
		if strings.HasPrefix(failure.Code, class) {
			return unavailable(err)
		}
	}
	return err
}

// translateConnection knows the ways in which a connection is not there.
func translateConnection(err error) error {
	_, refused := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[net.Error](err)
	// pgx has no other name for a connection that broke before it was asked for anything more.
	if refused || network || pgconn.SafeToRetry(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return unavailable(err)
	}
	return translateCommon(err)
}

// isConflict tells whether the transaction was undone only because of others
// that ran beside it.
func isConflict(err error) bool {
	failure, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (failure.Code == codeSerialization || failure.Code == codeDeadlock)
}
