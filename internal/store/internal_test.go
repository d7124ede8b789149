package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"keyrack/internal/core"
	"keyrack/internal/pgtest"
	"keyrack/internal/sshkey"
)

func open(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), o)
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

func eachStore(t *testing.T, test func(t *testing.T, s *Store)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, open(t, Options{Path: filepath.Join(t.TempDir(), "keyrack.db")}))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, open(t, Options{URL: pgtest.URL(t)}))
	})
}

func put(tx core.Tx, name string) error { return tx.PutSetting(name, "x") }

func settings(t testing.TB, s *Store) []string {
	t.Helper()
	var all map[string]string
	err := s.View(t.Context(), func(tx core.Tx) (err error) {
		all, err = tx.Settings("")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(all))
}

// TestPostgresErrors maps what the server and the network can say.
func TestPostgresErrors(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]core.Kind{
		"23505": core.Conflict,    // unique_violation
		"23503": core.Conflict,    // foreign_key_violation
		"23502": core.Internal,    // not_null_violation: a defect
		"42P01": core.Internal,    // undefined_table
		"XX001": core.Internal,    // data_corrupted: somebody must look
		"08006": core.Unavailable, // connection_failure
		"57P01": core.Unavailable, // admin_shutdown
		"57P03": core.Unavailable, // cannot_connect_now
		"57014": core.Unavailable, // query_canceled, by statement_timeout
		"55P03": core.Unavailable, // lock_not_available
		"53100": core.Unavailable, // disk_full
		"53300": core.Unavailable, // too_many_connections
		"58030": core.Unavailable, // io_error
		"25006": core.Unavailable, // read_only_sql_transaction: now a standby
		"40001": core.Unavailable, // serialization_failure, when there is no time left
		"40P01": core.Unavailable, // deadlock_detected
	} {
		err := postgresDialect{}.translate(fmt.Errorf("wrapped: %w", &pgconn.PgError{Code: code}))
		if got := core.KindOf(err); got != want {
			t.Errorf("code %s is %v, want %v", code, got, want)
		}
	}
	for _, err := range []error{
		io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, &net.OpError{Err: os.ErrDeadlineExceeded}, &pgconn.ConnectError{},
		context.DeadlineExceeded, context.Canceled, sql.ErrConnDone, errClosed,
	} {
		if got := core.KindOf(postgresDialect{}.translate(fmt.Errorf("wrapped: %w", err))); got != core.Unavailable {
			t.Errorf("%T %v is %v, want %v", err, err, got, core.Unavailable)
		}
	}
	if got := core.KindOf(postgresDialect{}.translate(errors.New("a defect"))); got != core.Internal {
		t.Errorf("an unknown error is %v, want %v", got, core.Internal)
	}
}

// writing gives fn the session that writes.
func writing(t testing.TB, s *Store, fn func(*session) error) {
	t.Helper()
	pool := s.engine.(*sqliteEngine).writer.pool
	session, err := pool.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer pool.give(session)
	if err := fn(session); err != nil {
		t.Fatal(err)
	}
}

// limitPages lets the database have no more than some pages beyond those in use.
func limitPages(t testing.TB, s *Store, more int) {
	t.Helper()
	writing(t, s, func(w *session) error {
		var used int
		if err := w.conn.QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&used); err != nil {
			return err
		}
		return w.conn.QueryRowContext(t.Context(), fmt.Sprint("PRAGMA max_page_count = ", used+more)).Scan(&used)
	})
}

// TestFull runs into a full database: whoever needs more is refused, alone, and
// all is well when there is room again.
func TestFull(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Path: filepath.Join(t.TempDir(), "keyrack.db")})
	limitPages(t, s, 1)
	large := strings.Repeat("x", 1<<20)
	together(t, s, func(i int) error {
		return s.Update(t.Context(), func(tx core.Tx) error {
			if i%2 == 0 {
				return put(tx, fmt.Sprint("small ", i))
			}
			_ = tx.PutSetting("large", large)
			_ = put(tx, fmt.Sprint("after ", i)) // must not slip out of the transaction
			return nil
		})
	}, func(i int, err error) {
		if i%2 == 1 && core.KindOf(err) != core.Unavailable {
			t.Errorf("update %d that finds no room: %v, want %v", i, err, core.Unavailable)
		}
		if i%2 == 0 && err != nil && core.KindOf(err) != core.Unavailable {
			t.Errorf("update %d beside one that finds no room: %v", i, err)
		}
	})
	for _, name := range settings(t, s) {
		if !strings.HasPrefix(name, "small") {
			t.Errorf("setting %q is there of an update that was refused", name)
		}
	}
	limitPages(t, s, 1<<20)
	err := s.Update(t.Context(), func(tx core.Tx) error { return tx.PutSetting("large", large) })
	if err != nil {
		t.Errorf("update when there is room again: %v", err)
	}
	if findings, err := s.Check(t.Context()); err != nil || len(findings) > 0 {
		t.Errorf("Check() = %v, %v", findings, err)
	}
}

// together holds up the writer until many updates wait, one behind the other, so
// that they share a transaction, and gives the error of each to done.
func together(t testing.TB, s *Store, update func(i int) error, done func(i int, err error)) {
	t.Helper()
	const n = 20
	b := s.engine.(*sqliteEngine).writer
	var group sync.WaitGroup
	errs := make([]error, n)
	gather := sync.OnceFunc(func() { // it runs again if they spoil its batch
		for i := range n {
			group.Go(func() { errs[i] = update(i) })
			for b.queued() <= i {
				runtime.Gosched()
			}
		}
	})
	err := s.Update(t.Context(), func(core.Tx) error {
		gather()
		return nil
	})
	group.Wait()
	if err != nil && core.KindOf(err) != core.Unavailable {
		t.Errorf("the update before them: %v", err)
	}
	for i, err := range errs {
		done(i, err)
	}
}

func (b *batcher) queued() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiting)
}

// TestGrouping counts the commits in the WAL.
func TestGrouping(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keyrack.db")
	s := open(t, Options{Path: path})
	before := commits(t, path+"-wal")
	together(t, s, func(i int) error {
		return s.Update(t.Context(), func(tx core.Tx) error { return put(tx, fmt.Sprint(i)) })
	}, func(i int, err error) {
		if err != nil {
			t.Errorf("update %d: %v", i, err)
		}
	})
	if n := len(settings(t, s)); n != 20 {
		t.Errorf("%d settings, want 20", n)
	}
	if n := commits(t, path+"-wal") - before; n != 1 {
		t.Errorf("updates that waited together took %d commits, want 1", n)
	}
}

// commits counts the frames of a WAL that end a transaction
// (https://www.sqlite.org/fileformat2.html, section 4.1).
func commits(t testing.TB, path string) (n int) {
	t.Helper()
	wal, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	const header, frameHeader = 32, 24
	pageSize := int(binary.BigEndian.Uint32(wal[8:]))
	salts := string(wal[16:24])
	for at := header; at+frameHeader+pageSize <= len(wal); at += frameHeader + pageSize {
		if string(wal[at+8:at+16]) == salts && binary.BigEndian.Uint32(wal[at+4:]) != 0 {
			n++
		}
	}
	return n
}

// TestAbandoned lets callers give up while they wait: their updates are not
// made, and those behind them are.
func TestAbandoned(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Path: filepath.Join(t.TempDir(), "keyrack.db")})
	b := s.engine.(*sqliteEngine).writer
	ctx, cancel := context.WithCancel(t.Context())
	abandoned, kept := make(chan error, 1), make(chan error, 1)
	err := s.Update(t.Context(), func(core.Tx) error {
		go func() { abandoned <- s.Update(ctx, func(tx core.Tx) error { return put(tx, "abandoned") }) }()
		for b.queued() < 1 {
			runtime.Gosched()
		}
		go func() { kept <- s.Update(t.Context(), func(tx core.Tx) error { return put(tx, "kept") }) }()
		for b.queued() < 2 {
			runtime.Gosched()
		}
		cancel()
		err := <-abandoned // at once, although the writer is busy
		if core.KindOf(err) != core.Unavailable || !errors.Is(err, context.Canceled) {
			t.Errorf("update given up while it waited: %v", err)
		}
		return nil
	})
	if err := errors.Join(err, <-kept); err != nil {
		t.Error(err)
	}
	if got := settings(t, s); !slices.Equal(got, []string{"kept"}) {
		t.Errorf("settings are %q, want only the one that was kept", got)
	}
}

// TestLimit ends a function that goes on for ever, at its next call.
func TestLimit(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Path: filepath.Join(t.TempDir(), "keyrack.db")})
	err := s.engine.update(t.Context(), func(x *tx) error {
		x.until = time.Now().Add(-time.Second)
		return put(x, "late")
	})
	if core.KindOf(err) != core.Unavailable {
		t.Errorf("update beyond its limit: %v, want %v", err, core.Unavailable)
	}
	if got := settings(t, s); len(got) > 0 {
		t.Errorf("settings are %q, want none", got)
	}
}

// TestClose refuses what comes after it and waits for what came before.
func TestClose(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{"sqlite": {Path: filepath.Join(t.TempDir(), "keyrack.db")}, "postgres": {URL: pgtest.URL(t)}} {
		s, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: Close() = %v", name, err)
		}
		for what, err := range map[string]error{
			"Update": s.Update(t.Context(), func(core.Tx) error { return nil }),
			"View":   s.View(t.Context(), func(core.Tx) error { return nil }),
			"Ping":   s.Ping(t.Context()),
		} {
			if core.KindOf(err) != core.Unavailable {
				t.Errorf("%s: %s after Close = %v, want %v", name, what, err, core.Unavailable)
			}
		}
	}
}

// planner asks the database how it would run each query that goes through it.
type planner struct {
	runner
	explain string
	plans   map[string]string // by query
}

func (p *planner) query(ctx context.Context, text string, args []any) (answer, error) {
	if err := p.ask(p.runner.query(ctx, p.explain+text, args))(text); err != nil {
		return nil, err
	}
	return p.runner.query(ctx, text, args)
}

func (p *planner) queryMade(ctx context.Context, text string, args []any) (answer, error) {
	return p.once(ctx, text, args...)
}

func (p *planner) queryFew(ctx context.Context, text string, args []any) (answer, error) {
	return p.once(ctx, text, args...)
}

func (p *planner) once(ctx context.Context, text string, args ...any) (answer, error) {
	if err := p.ask(p.runner.once(ctx, p.explain+text, args...))(text); err != nil {
		return nil, err
	}
	return p.runner.once(ctx, text, args...)
}

func (p *planner) ask(rows answer, err error) func(text string) error {
	return func(text string) error {
		if err != nil {
			return fmt.Errorf("explain %s: %w", text, err)
		}
		columns := make([]string, 1)
		if sqlite, ok := rows.(*sql.Rows); ok {
			if columns, err = sqlite.Columns(); err != nil {
				return err
			}
		}
		return each(rows, func(r answer) error {
			line := make([]any, len(columns))
			for i := range line {
				line[i] = new(any)
			}
			err := r.Scan(line...)
			p.plans[text] += fmt.Sprintln(*line[len(line)-1].(*any)) // the text is the last column
			return err
		})
	}
}

// lookUps are the queries whose time must not grow with the store.
func lookUps(tx core.Tx) error {
	fingerprint := func(h sshkey.Hash, n int) sshkey.Fingerprint {
		return sshkey.Fingerprint{Hash: h, Sum: make([]byte, n)}
	}
	now, page := time.Now(), core.Page{Offset: 10, Limit: 10}
	var errs []error
	for _, err := range []error{
		fails(tx.Account(1)), fails(tx.AccountByUUID(uuid.New())), fails(tx.AccountByLogin("x")), fails(tx.AccountsByEmail("x")),
		fails(tx.OrganizationByName("x")), fails(tx.LocationByName("x")), fails(tx.Project(1)), fails(tx.ProjectByName("x")),
		fails(tx.APIKeyByHash(core.SecretHash{})), fails(tx.APIKeys(1)), fails(tx.TokenByHash("x", core.SecretHash{})), fails2(tx.Bearer("x", core.SecretHash{})), fails2(tx.ServedKeys("x")), fails(tx.Tokens(1)),
		fails(tx.Key(1)), fails(tx.KeyByUUID(uuid.New())), fails(tx.KeysByOwner(1)), fails(tx.KeysByFingerprint(sshkey.SHA256{})),
		fails(tx.OwnerKey(1, sshkey.SHA256{})), fails(tx.KeyOwner(core.Key{Owner: 1}, core.Uniqueness{Name: true, Key: true}, core.ElsewhereFlagged)), fails(tx.OwnerKeyByName(1, "x")), fails(tx.Revisions(uuid.New())), fails(tx.EvidenceOf(1)),
		fails2(tx.Keys(core.KeyQuery{Where: core.OwnedBy(1), Page: page})),
		fails2(tx.KeyEntries(core.KeyQuery{Where: core.OwnedBy(1), Page: page})),
		fails2(tx.Keys(core.KeyQuery{Where: core.HasFingerprint(fingerprint(sshkey.HashMD5, 16))})),
		fails2(tx.Keys(core.KeyQuery{Where: core.HasFingerprint(fingerprint(sshkey.HashSHA256, 32))})),
		fails2(tx.Keys(core.KeyQuery{Where: core.And{core.HasFingerprint(fingerprint(sshkey.HashSHA512, 64)), core.OwnedBy(1)}})),
		fails(tx.Session(1)), fails(tx.SessionByUUID(uuid.New())), fails(tx.Visited(1)), fails(tx.VisitedByIdentifier("x")), fails(tx.OverdueSessions(now, 10)),
		fails2(tx.Sessions(core.SessionQuery{Project: 1, Page: page})),
		fails2(tx.Sessions(core.SessionQuery{Project: 1, Kind: "x", Page: page})),
		fails(tx.Connections(1)), fails(tx.Connection(1)), fails(tx.WantedKeys(1)), fails(tx.Webhook(1)), fails(tx.Webhooks(1)), fails(tx.WebhooksOf([]core.SessionID{1, 2})),
		fails(tx.Delivery(1)), fails(tx.DeliveryByUUID(uuid.New())), fails(tx.Attempts(1)),
		fails(tx.Deliveries(core.DeliveryQuery{Project: 1})), fails(tx.Deliveries(core.DeliveryQuery{})),
		fails(tx.DueDeliveries(now, 16, 10)), fails(tx.LeasedDeliveries(now)), fails(tx.NextDelivery()),
		fails(tx.AuditEvents(core.AuditQuery{})), fails(tx.AuditEvents(core.AuditQuery{Before: 9, Object: "x"})), fails(tx.AuditEvents(core.AuditQuery{Since: now})),
		fails2(tx.ManagedKeyAndDevice(1)), fails2(tx.ManagedKeyAndDeviceByIdentifier("x")), fails(tx.DeviceByHostname("x")), fails(tx.ApplicationByName("x")), fails(tx.Setting("x")), fails(tx.Settings("x")),
	} {
		if core.KindOf(err) != core.NotFound && err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func fails[T any](_ T, err error) error          { return err }
func fails2[T, N any](_ T, _ N, err error) error { return err }

// slow finds the steps of a plan that read a whole table, or sort more than
// the few rows of one fingerprint or address.
var slow = map[string]*regexp.Regexp{
	"EXPLAIN QUERY PLAN ": regexp.MustCompile(`SCAN (\w+)\n|TEMP B-TREE FOR .*ORDER BY`),
	"EXPLAIN ":            regexp.MustCompile(`Seq Scan|Sort Key: .*(name|created_at|next_at)`),
}

func TestPlans(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s *Store) {
		p := &planner{plans: map[string]string{}, explain: "EXPLAIN QUERY PLAN "}
		err := s.engine.view(t.Context(), func(x *tx) error {
			p.runner = x.run
			if _, ok := s.engine.(*postgresEngine); ok {
				p.explain = "EXPLAIN "
				// Of an empty table PostgreSQL would rather read all.
				for _, setting := range []string{"enable_seqscan", "enable_bitmapscan"} {
					if _, err := x.run.exec(t.Context(), "SET LOCAL "+setting+" = off", nil); err != nil {
						return err
					}
				}
			}
			x.run = p
			return lookUps(x)
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(p.plans) < 40 {
			t.Errorf("%d plans seen", len(p.plans))
		}
		for query, plan := range p.plans {
			if strings.HasSuffix(query, `" ORDER BY id DESC LIMIT 100`) {
				continue // the newest, from the end of the table
			}
			if hash := regexp.MustCompile(`WHERE.*\b(md5|sha256|sha512)"? =`).FindStringSubmatch(query); hash != nil && !strings.Contains(plan, "keys_"+hash[1]) {
				t.Errorf("%s\ndoes not look for the fingerprint first:\n%s", query, plan)
			}
			if slow[p.explain].MatchString(plan) {
				t.Errorf("%s\nis slow in a large store:\n%s", query, plan)
			}
		}
	})
}

// lists are what faces ask of a large store: each by an index, also where it
// sorts, which it does of few rows only.
func lists() map[string]core.KeyQuery {
	is := func(a core.Attribute, op core.Op, value any) core.Filter {
		return core.Compare{Attribute: a, Op: op, Value: value}
	}
	byName := []core.Order{{Attribute: core.KeyNameAttr}}
	falling := []core.Order{{Attribute: core.KeyNameAttr, Descending: true}}
	now := time.Now()
	all := map[string]core.KeyQuery{}
	for name, where := range map[string]core.Filter{
		"all": nil, "part": is(core.KeyNameAttr, core.Contains, "lap"), "short part": is(core.KeyNameAttr, core.Contains, "a"),
		"exact": is(core.KeyNameAttr, core.Equal, "x"), "since": is(core.KeyCreatedAttr, core.GreaterOrEqual, now),
		"changed": is(core.KeyUpdatedAttr, core.LessOrEqual, now), "shared": is(core.KeySharedAttr, core.Equal, true),
		"owner":   is(core.KeyOwnerUUIDAttr, core.Equal, uuid.New()),
		"visible": core.Or{core.OwnedBy(1), is(core.KeySharedAttr, core.Equal, true)},
	} {
		all[name] = core.KeyQuery{Where: where, Order: byName, Page: core.Page{Offset: 3, Limit: 10}}
		all[name+" falling"] = core.KeyQuery{Where: where, Order: falling, Page: core.Page{Offset: 3, Limit: 10}}
	}
	return all
}

// TestListPlans looks at the count, at the page of few rows and at that of many.
func TestListPlans(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s *Store) {
		p := &planner{plans: map[string]string{}, explain: "EXPLAIN QUERY PLAN "}
		err := s.engine.view(t.Context(), func(x *tx) error {
			p.runner = x.run
			if _, ok := s.engine.(*postgresEngine); ok {
				p.explain = "EXPLAIN "
				if _, err := x.run.exec(t.Context(), "SET LOCAL enable_seqscan = off", nil); err != nil {
					return err
				}
			}
			x.run = p
			for _, q := range lists() {
				if err := planOf(x, q); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(p.plans) < 40 {
			t.Errorf("%d plans seen", len(p.plans))
		}
		whole := regexp.MustCompile(`SCAN keys\n|Seq Scan on keys`)
		for query, plan := range p.plans {
			if whole.MatchString(plan) {
				t.Errorf("%s\nreads the whole table:\n%s", query, plan)
			}
			if strings.Contains(plan, "AUTOMATIC") {
				t.Errorf("%s\ngoes through all rows for those of the page:\n%s", query, plan)
			}
			if strings.Contains(query, " AS page ") && strings.Contains(p.explain, "QUERY PLAN") && !strings.Contains(plan, "COVERING INDEX") && !strings.Contains(query, " IN (SELECT") {
				t.Errorf("%s\nreads rows to find the page:\n%s", query, plan)
			}
		}
	})
}

// planOf runs the queries of a list as for an empty, a small and a large answer.
func planOf(t *tx, q core.KeyQuery) error {
	if _, _, err := t.Keys(q); err != nil {
		return err
	}
	c := condition{t: t, known: keyFields, table: "keys"}
	c.where(q.Where)
	terms, err := orderBy(keyFields, q.Order, "id")
	if err = cmp.Or(c.err, err); err != nil {
		return err
	}
	s, order := shapeOf[keyRow](t.db), terms.text(false)
	texts := []string{s.pageText(c.text.String(), order, true, t.db.speaks.fence()), s.pageText(c.text.String(), order, false, t.db.speaks.fence())}
	if c.everything() {
		texts = append(texts, s.walkText(c.text.String(), order))
	}
	for _, text := range texts {
		if err := t.onceBound(func(answer) error { return nil }, text, append(slices.Clone(c.args), 10, 100)); err != nil {
			return err
		}
	}
	return nil
}

// TestSpoilt has updates share transactions of which some fail after they have
// written: each hears what became of its own, however often it has run.
func TestSpoilt(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keyrack.db")
	s := open(t, Options{Path: path})
	before := commits(t, path+"-wal")
	errRefused := errors.New("refused by the test")
	together(t, s, func(i int) (err error) {
		defer func() {
			if got := recover(); got != nil {
				err = got.(error)
			}
		}()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		return s.Update(ctx, func(tx core.Tx) error {
			switch i % 5 {
			case 1:
				return errRefused // before it has written
			case 2:
				return errors.Join(put(tx, fmt.Sprint(i)), errRefused)
			case 3:
				_ = put(tx, fmt.Sprint(i))
				panic(errRefused)
			case 4:
				cancel() // who has run is not stopped by it
			}
			return put(tx, fmt.Sprint(i))
		})
	}, func(i int, err error) {
		if made := i%5 == 0 || i%5 == 4; made == (err != nil) || !made && !errors.Is(err, errRefused) {
			t.Errorf("update %d: %v", i, err)
		}
	})
	if got := settings(t, s); !slices.Equal(got, []string{"0", "10", "14", "15", "19", "4", "5", "9"}) {
		t.Errorf("settings are %q", got)
	}
	if n := commits(t, path+"-wal") - before; n != 2 {
		t.Errorf("updates that waited together took %d commits, want one up to that which spoilt it, and one", n)
	}
	b := s.engine.(*sqliteEngine).writer
	if b.caution <= 0 {
		t.Error("the next updates run without savepoints")
	}
	for range cautionAfter {
		if err := s.Update(t.Context(), func(core.Tx) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Update(t.Context(), func(tx core.Tx) error { return errors.Join(put(tx, "late"), errRefused) }); !errors.Is(err, errRefused) {
		t.Errorf("update that fails alone: %v", err)
	}
	if got := settings(t, s); slices.Contains(got, "late") {
		t.Errorf("settings are %q, with that of an update that failed alone", got)
	}
	if b.caution > 0 {
		t.Error("updates still run under savepoints, for one that failed alone or long ago")
	}
}

// TestNames changes keys in the transaction that makes them, and looks for parts
// of their names: the index of names follows.
func TestNames(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s *Store) {
		named := func(x core.Tx, part string) int {
			_, n, err := x.Keys(core.KeyQuery{Where: core.Compare{Attribute: core.KeyNameAttr, Op: core.Contains, Value: part}, Page: core.Page{Limit: 1}})
			if err != nil {
				t.Error(err)
			}
			return n
		}
		make := func(x core.Tx) error {
			owner, err := x.InsertAccount(core.Account{UUID: uuid.New(), ShortID: core.NewShortID(), Login: uuid.NewString()})
			if err != nil {
				return err
			}
			var keys []core.Key
			for i := range 70 {
				keys = append(keys, keyNamed(fmt.Sprint("laptop", i), owner))
			}
			ids, err := x.InsertKeys(keys...)
			if err != nil {
				return err
			}
			more, err := x.InsertKeys(keyNamed("phone", owner))
			if err != nil {
				return err
			}
			if n := named(x, "lapto"); n < 70 {
				t.Errorf("%d keys found in their own transaction, want 70", n)
			}
			keys[0].ID, keys[0].Name = ids[0], "tablet"
			return errors.Join(x.UpdateKey(keys[0]), x.DeleteKey(ids[1]), x.DeleteKey(more[0]))
		}
		wantParts(t, s, "key_names", make, named, map[string]int{"lapto": 2 * 68, "phone": 0, "table": 2, "top6": 2 * 11})
	})
}

// TestTextsOfAccounts is TestNames of accounts and the index of their texts.
func TestTextsOfAccounts(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s *Store) {
		named := func(x core.Tx, part string) int {
			_, n, err := x.Accounts(core.AccountQuery{
				Where: core.Compare{Attribute: core.AccountNameAttr, Op: core.Contains, Value: part}, Page: core.Page{Limit: 1},
			})
			if err != nil {
				t.Error(err)
			}
			return n
		}
		make := func(x core.Tx) error {
			var ids []core.AccountID
			for i := range 7 {
				a := core.Account{UUID: uuid.New(), ShortID: core.NewShortID(), Login: uuid.NewString(), Name: fmt.Sprint("Technician", i)}
				id, err := x.InsertAccount(a)
				if err != nil {
					return err
				}
				ids = append(ids, id)
			}
			changed, err := x.Account(ids[0])
			changed.Name = "Gardener"
			if err = errors.Join(err, x.UpdateAccount(changed), x.DeleteAccount(ids[1])); err != nil {
				return err
			}
			if n := named(x, "chnic"); n < 5 {
				t.Errorf("%d accounts found in their own transaction, want 5", n)
			}
			_, err = x.InsertAccount(core.Account{UUID: uuid.New(), ShortID: core.NewShortID(), Login: uuid.NewString(), Name: "Gardener"})
			return err
		}
		wantParts(t, s, "account_texts", make, named, map[string]int{"chnic": 2 * 5, "arden": 2 * 2, "ian1": 0})
	})
}

// wantParts makes rows by an update, by a large one and by one that is refused,
// looks for parts of their texts, and checks that the index has what the rows have.
func wantParts(t *testing.T, s *Store, index string, make func(core.Tx) error, having func(x core.Tx, part string) int, want map[string]int) {
	t.Helper()
	for name, err := range map[string]error{
		"update": s.Update(t.Context(), make),
		"bulk":   s.Bulk(t.Context(), make),
		"refused": ignored(s.Update(t.Context(), func(x core.Tx) error {
			return errors.Join(make(x), errors.New("refused by the test"))
		})),
	} {
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	err := s.View(t.Context(), func(x core.Tx) error {
		for part, n := range want {
			if got := having(x, part); got != n {
				t.Errorf("%d rows have %q in their names, want %d", got, part, n)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	findings, err := s.Check(t.Context())
	if findings = slices.DeleteFunc(findings, func(f Finding) bool { return !strings.Contains(f.Check, "index") }); err != nil || len(findings) > 0 {
		t.Errorf("Check() = %v, %v", findings, err)
	}
	if _, ok := s.engine.(*sqliteEngine); ok {
		writing(t, s, func(w *session) error {
			return w.do(t.Context(), "INSERT INTO "+index+" ("+index+", rank) VALUES ('integrity-check', 1)")
		})
	}
}

func ignored(error) error { return nil }

// keyNamed is a key that nobody has.
func keyNamed(name string, owner core.AccountID) core.Key {
	point := make([]byte, 32)
	_, _ = rand.Read(point) // never fails
	public, err := sshkey.FromWire(append([]byte("\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20"), point...))
	if err != nil {
		panic(err)
	}
	now := core.Moment(time.Now())
	return core.Key{
		UUID: uuid.Must(uuid.NewV7()), ShortID: core.NewShortID(), Owner: owner, Name: name, Text: public.String(), Public: public,
		CreatedAt: now, UpdatedAt: now,
	}
}

// TestBrokenSession leaves a transaction open in a session that is given up: who
// takes its place does not come into it.
func TestBrokenSession(t *testing.T) {
	t.Parallel()
	pool := open(t, Options{Path: filepath.Join(t.TempDir(), "keyrack.db")}).engine.(*sqliteEngine).writer.pool
	for range 2 {
		s, err := pool.take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.do(t.Context(), "BEGIN IMMEDIATE"); err != nil {
			t.Error(err)
		}
		s.broken = true
		pool.give(s)
	}
}
