package store

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"keyrack/internal/core"
)

// Options say where the store is and how to use it.
type Options struct {
	// Path is the file of a SQLite database. It is made where there is none.
	Path string
	// URL names a PostgreSQL database, as postgres://user@host/name. Path or
	// URL is given, not both.
	URL string
	// Connections is how many transactions run at once: views on SQLite
	// (zero: as many as cores; more makes it slower), all on PostgreSQL (zero: 20).
	Connections int
	// Log gets what an operator has to know. Nil: nothing is logged.
	Log *slog.Logger
}

// Limits of a transaction. They are the store's own, so that a caller without
// a deadline does not wait for ever on a slow or locked database.
const (
	updateLimit = 15 * time.Second
	viewLimit   = 25 * time.Second
	bulkLimit   = 10 * time.Minute
)

// Store is a [core.Store] on a SQL database. Its methods may be called from
// many goroutines.
type Store struct {
	engine engine
	close  func() error

	views, updates *crowd
}

var _ core.Store = (*Store)(nil)

// engine is what differs between the databases beyond their SQL.
type engine interface {
	view(ctx context.Context, fn func(*tx) error) error
	// glance is a view without a transaction, for one statement.
	glance(ctx context.Context, fn func(*tx) error) error
	update(ctx context.Context, fn func(*tx) error) error
	updateLocked(ctx context.Context, fn func(*tx) error) error
	bulk(ctx context.Context, fn func(*tx) error) error
	// inspect is a view without limits of time.
	inspect(ctx context.Context, fn func(*tx) error) error
	// sound tells whether the last change that had to be written was.
	sound(ctx context.Context) error
	migrator() migrator
	close() error
}

// Open opens the database. It does not change the schema, see
// [Store.Migrate], but refuses one that a newer program has made: the error is
// then a [core.Error] of kind [core.Conflict], and the database is unchanged.
func Open(ctx context.Context, o Options) (*Store, error) {
	if (o.Path == "") == (o.URL == "") {
		return nil, errors.New("open store: give either a path or a URL")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	open := openSQLite
	if o.URL != "" {
		open = openPostgres
	}
	e, err := open(ctx, o)
	if err != nil {
		return nil, err
	}
	s := &Store{engine: e, close: sync.OnceValue(e.close)}
	s.admit(o.URL != "")
	return s, nil
}

// Close waits for running transactions and closes the database. Transactions
// that come later find it unavailable.
func (s *Store) Close() error { return s.close() }

// View implements [core.Store].
func (s *Store) View(ctx context.Context, fn func(core.Tx) error) error {
	leave, err := s.views.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return s.engine.view(ctx, func(t *tx) error { return fn(t) })
}

// Glance implements [core.Store].
func (s *Store) Glance(ctx context.Context, fn func(core.Tx) error) error {
	leave, err := s.views.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	run := func(t *tx) error { return fn(t) }
	if err = s.engine.glance(ctx, run); errors.Is(err, errSecond) {
		err = s.engine.view(ctx, run)
	}
	return err
}

// Update implements [core.Store]. Once fn runs, the end of ctx no longer stops
// it: the change is then made or refused as a whole, and the answer is exact.
func (s *Store) Update(ctx context.Context, fn func(core.Tx) error) error {
	return s.change(ctx, s.engine.update, fn)
}

// UpdateLocked implements [core.Store].
func (s *Store) UpdateLocked(ctx context.Context, fn func(core.Tx) error) error {
	return s.change(ctx, s.engine.updateLocked, fn)
}

func (s *Store) change(ctx context.Context, run func(context.Context, func(*tx) error) error, fn func(core.Tx) error) error {
	leave, err := s.updates.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return redraw(func() error {
		return run(ctx, func(t *tx) error { return fn(t) })
	})
}

// Bulk implements [core.Store].
func (s *Store) Bulk(ctx context.Context, fn func(core.Tx) error) error {
	return redraw(func() error {
		return s.engine.bulk(ctx, func(t *tx) error { return fn(t) })
	})
}

// Ping tells whether the store answers, by a read. Whether it can also write
// only a write shows; after one that failed Ping makes another until one succeeds.
func (s *Store) Ping(ctx context.Context) error {
	err := s.engine.view(ctx, func(t *tx) error {
		_, err := t.Settings("store.ping") // there is none
		return err
	})
	if err != nil {
		return err
	}
	return s.engine.sound(ctx)
}

func unavailable(err error) error {
	return &core.Error{Kind: core.Unavailable, Msg: "the store cannot answer now", Err: err}
}

var (
	errClosed  = errors.New("the store is closed")
	errCrowded = errors.New("too many wait for the store")
)

// mostWaiting is how many transactions run or wait before one more is refused. More than
// there is capacity for would wait longer and longer, until each is answered
// when nobody listens any more: who comes to a full store is told so at once.
const mostWaiting = 256

// crowd counts who is in the store.
type crowd struct{ inside atomic.Int64 }

// admit says who is counted together: on PostgreSQL views and updates wait for
// the same connections, on SQLite not for each other.
func (s *Store) admit(shared bool) {
	s.views, s.updates = &crowd{}, &crowd{}
	if shared {
		s.updates = s.views
	}
}

// enter lets one in, who is to leave again, or refuses him. Who was let in
// before, for the same request, comes in again.
func (c *crowd) enter(ctx context.Context) (leave func(), err error) {
	pass := core.PassOf(ctx)
	if c.inside.Add(1) > mostWaiting && !pass.In(c) {
		c.inside.Add(-1)
		return nil, unavailable(errCrowded)
	}
	pass.LetIn(c)
	return func() { c.inside.Add(-1) }, nil
}
