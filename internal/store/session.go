package store

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// session is one SQLite connection with the statements prepared on it. One
// transaction at a time has it.
type session struct {
	conn       *sql.Conn
	statements map[string]*sql.Stmt              // of texts that the program has
	made       *simplelru.LRU[string, *sql.Stmt] // of the latest texts that were made for a filter
	cached     int                               // KiB that the cache may have; 0: plainCache
	broken     bool                              // not to be used again
}

// madeKept is how many statements for filters are kept; lists are asked for in
// a few forms again and again.
const madeKept = 128

var _ runner = (*session)(nil)

// quiet is the context of short statements. The driver watches a context that
// can end with a goroutine for each statement, and would interrupt a statement
// that writes, which rolls back the whole transaction, other callers' parts
// included (https://www.sqlite.org/c3ref/interrupt.html).
func quiet(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }

// prepare gives the statement for text, which is closed with the session.
func (s *session) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	if statement, ok := s.statements[text]; ok {
		return statement, nil
	}
	statement, err := s.conn.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	s.statements[text] = statement
	return statement, nil
}

func (s *session) query(ctx context.Context, text string, args []any) (answer, error) {
	ctx = quiet(ctx)
	statement, err := s.prepare(ctx, text) //nolint:sqlclosecheck // kept, see prepare
	if err != nil {
		return nil, err
	}
	return statement.QueryContext(ctx, args...)
}

func (s *session) exec(ctx context.Context, text string, args []any) (sql.Result, error) {
	ctx = quiet(ctx)
	statement, err := s.prepare(ctx, text) //nolint:sqlclosecheck // kept, see prepare
	if err != nil {
		return nil, err
	}
	return statement.ExecContext(ctx, args...)
}

func (s *session) later(ctx context.Context, text string, args []any) error {
	_, err := s.exec(ctx, text, args)
	return err
}

func (s *session) laterOne(ctx context.Context, text string, args []any) error {
	result, err := s.exec(ctx, text, args)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return errNotFound
}

func (s *session) laterID(ctx context.Context, text string, args []any, told func(int64)) error {
	result, err := s.exec(ctx, text, args)
	if err != nil {
		return err
	}
	id, err := result.LastInsertId()
	told(id)
	return err
}

// queryMade runs a query that was made for a filter. It may be a long one, so
// the end of the context stops it. Preparing it takes longer than most of them run.
func (s *session) queryMade(ctx context.Context, text string, args []any) (answer, error) {
	statement, ok := s.made.Get(text)
	if !ok {
		var err error
		if statement, err = s.conn.PrepareContext(ctx, text); err != nil {
			return nil, err
		}
		s.made.Add(text, statement)
	}
	return statement.QueryContext(ctx, args...)
}

func (s *session) queryFew(ctx context.Context, text string, args []any) (answer, error) {
	return s.queryMade(quiet(ctx), text, args)
}

func (s *session) once(ctx context.Context, text string, args ...any) (answer, error) {
	return s.conn.QueryContext(ctx, text, args...)
}

// do runs a statement that has neither arguments nor rows, such as BEGIN.
func (s *session) do(ctx context.Context, text string) error {
	_, err := s.exec(ctx, text, nil)
	return err
}

// cache sets how much of the database the connection keeps in memory, in KiB.
// That is not worth failing for.
func (s *session) cache(ctx context.Context, kib int) {
	if kib == cmp.Or(s.cached, plainCache) {
		return
	}
	_, _ = s.conn.ExecContext(ctx, fmt.Sprintf("PRAGMA cache_size(-%d)", kib))
	s.cached = kib
}

// rollback ends a transaction without a trace. After a full disk or an I/O error
// SQLite may have done so itself: then another can begin. A session in which none
// can is not used again.
func (s *session) rollback(ctx context.Context) {
	if s.do(ctx, "ROLLBACK") == nil {
		return
	}
	if s.do(ctx, "BEGIN") != nil || s.do(ctx, "ROLLBACK") != nil {
		s.broken = true
	}
}

// close ends the statements and gives back the connection, which the next session
// may get. That of a broken session is closed for good.
func (s *session) close() error {
	var errs []error
	for _, statement := range s.statements {
		errs = append(errs, statement.Close())
	}
	s.made.Purge() // which closes them
	if s.broken {
		return errors.Join(append(errs, s.conn.Raw(func(any) error { return driver.ErrBadConn }))...)
	}
	return errors.Join(append(errs, s.conn.Close())...)
}

// sessions is a pool of a fixed size. Connections are made when first needed.
type sessions struct {
	db     *sql.DB
	free   chan *session // nil: a place where none has been made yet
	closed chan struct{}
}

func newSessions(db *sql.DB, size int) *sessions {
	p := &sessions{db: db, free: make(chan *session, size), closed: make(chan struct{})}
	for range size {
		p.free <- nil
	}
	return p
}

// take waits for a session. It must be given back.
func (p *sessions) take(ctx context.Context) (*session, error) {
	select {
	case s := <-p.free:
		return p.open(ctx, s)
	case <-p.closed:
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *sessions) open(ctx context.Context, s *session) (*session, error) {
	if s != nil {
		return s, nil
	}
	conn, err := p.db.Conn(ctx)
	if err != nil {
		p.free <- nil
		return nil, err
	}
	made, err := simplelru.NewLRU(madeKept, func(_ string, statement *sql.Stmt) { _ = statement.Close() })
	return &session{conn: conn, statements: map[string]*sql.Stmt{}, made: made}, err
}

func (p *sessions) give(s *session) {
	if s.broken {
		_ = s.close()
		s = nil
	}
	p.free <- s
}

// close waits until all are given back. It may be called once.
func (p *sessions) close() error {
	close(p.closed)
	var errs []error
	for range cap(p.free) {
		if s := <-p.free; s != nil {
			errs = append(errs, s.close())
		}
	}
	return errors.Join(errs...)
}
