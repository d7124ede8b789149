package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// pipeline runs the statements of one transaction on PostgreSQL in few round
// trips. Nothing is sent before somebody waits for an answer: BEGIN goes with
// the first query, and what only changes rows with the next query or with
// COMMIT. PostgreSQL runs what it is sent together in its order, and after a
// statement that fails skips the rest, COMMIT too.
type pipeline struct {
	conn *pgx.Conn
	kept *pgx.Batch // not yet sent
	sent bool       // BEGIN was
}

// mostKept bounds the memory that an import takes.
const mostKept = 32

// newPipeline makes one that begins with some statements, or with none.
func newPipeline(conn *pgx.Conn, begin ...string) *pipeline {
	p := &pipeline{conn: conn, kept: &pgx.Batch{}}
	for _, text := range begin {
		p.kept.Queue(text)
	}
	return p
}

var _ runner = (*pipeline)(nil)

// query prepares: pgx keeps what it has prepared with each connection.
func (p *pipeline) query(ctx context.Context, text string, args []any) (answer, error) {
	if p.kept.Len() == 0 {
		rows, err := p.conn.Query(ctx, text, args...)
		return pipedAnswer{Rows: rows}, err
	}
	p.kept.Queue(text, args...)
	results, err := p.send(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := results.Query()
	if err != nil {
		_ = results.Close() // it has no other error to tell
		return nil, err
	}
	return pipedAnswer{rows, results}, nil
}

func (p *pipeline) exec(ctx context.Context, text string, args []any) (sql.Result, error) {
	p.kept.Queue(text, args...)
	results, err := p.send(ctx)
	if err != nil {
		return nil, err
	}
	tag, err := results.Exec()
	if closed := results.Close(); err == nil {
		err = closed
	}
	return driver.RowsAffected(tag.RowsAffected()), err
}

// send sends what is kept, and gives the answer to the last of it if all
// before it went well.
func (p *pipeline) send(ctx context.Context) (pgx.BatchResults, error) {
	before := p.kept.QueuedQueries[:p.kept.Len()-1]
	results := p.conn.SendBatch(ctx, p.kept)
	p.kept, p.sent = &pgx.Batch{}, true
	for _, q := range before {
		if err := hear(q, results); err != nil {
			_ = results.Close() // it has no other error to tell
			return nil, err
		}
	}
	return results, nil
}

// hear takes the answer to the next statement.
func hear(q *pgx.QueuedQuery, results pgx.BatchResults) error {
	if q.Fn != nil {
		return q.Fn(results)
	}
	_, err := results.Exec()
	return err
}

func (p *pipeline) later(ctx context.Context, text string, args []any) error {
	if p.kept.Len() >= mostKept {
		_, err := p.exec(ctx, text, args)
		return err
	}
	p.kept.Queue(text, args...)
	return nil
}

// laterOne makes PostgreSQL itself find out whether there was a row: when the
// answer is here the change is committed.
func (p *pipeline) laterOne(ctx context.Context, text string, args []any) error {
	return p.later(ctx, "WITH changed AS ("+text+" RETURNING 1) SELECT 1 / count(*) FROM changed", args)
}

func (p *pipeline) laterID(_ context.Context, text string, args []any, told func(int64)) error {
	p.kept.Queue(text+" RETURNING id", args...).QueryRow(func(row pgx.Row) error {
		var id int64
		err := row.Scan(&id)
		told(id)
		return err
	})
	return nil
}

// queryMade prepares nothing: PostgreSQL would come to plan such a query without
// its values, and these decide which index is the right one.
func (p *pipeline) queryMade(ctx context.Context, text string, args []any) (answer, error) {
	return p.once(ctx, text, args...)
}

// queryFew prepares: which index is the right one is plain without the values.
func (p *pipeline) queryFew(ctx context.Context, text string, args []any) (answer, error) {
	return p.query(ctx, text, args)
}

func (p *pipeline) once(ctx context.Context, text string, args ...any) (answer, error) {
	if p.kept.Len() > 0 { // pgx prepares all that it sends together
		if err := p.flush(ctx); err != nil {
			return nil, err
		}
	}
	rows, err := p.conn.Query(ctx, text, append([]any{pgx.QueryExecModeExec}, told(args)...)...)
	return pipedAnswer{Rows: rows}, err
}

// told gives arguments whose type pgx knows by itself, where PostgreSQL has not
// been asked for it.
func told(args []any) []any {
	for i, a := range args {
		if id, ok := a.([16]byte); ok {
			args[i] = uuid.UUID(id)
		}
	}
	return args
}

func (p *pipeline) flush(ctx context.Context) error {
	results, err := p.send(ctx)
	if err != nil {
		return err
	}
	return results.Close()
}

// commit ends the transaction, of which nothing need have been sent.
func (p *pipeline) commit(ctx context.Context) error {
	if !p.sent && p.kept.Len() == 1 {
		return nil
	}
	p.kept.Queue("COMMIT")
	results, err := p.send(ctx)
	if err != nil {
		return err
	}
	tag, err := results.Exec()
	if closed := results.Close(); err == nil {
		err = closed
	}
	if err == nil && tag.String() == "ROLLBACK" {
		return pgx.ErrTxCommitRollback
	}
	return err
}

// rollback ends the transaction without a trace. The pool gives a connection on
// which that fails to nobody else.
func (p *pipeline) rollback(ctx context.Context) {
	if !p.sent || p.conn.IsClosed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackLimit)
	defer cancel()
	_, _ = p.conn.Exec(ctx, "ROLLBACK")
}

const rollbackLimit = 5 * time.Second

// pipedAnswer is what a query found, with the batch it was sent in.
type pipedAnswer struct {
	pgx.Rows
	batch pgx.BatchResults // nil: sent alone
}

// Close implements answer.
func (a pipedAnswer) Close() error {
	a.Rows.Close()
	if a.batch != nil {
		return a.batch.Close()
	}
	return a.Err()
}
