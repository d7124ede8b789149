package store

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// batchLimit is how many updates share a commit at most.
const batchLimit = 128

// cautionAfter is how many updates run under savepoints after one has spoilt
// its batch. Who spoils them on purpose so makes all do once more no more than
// one update in eight.
const cautionAfter = 8 * batchLimit

// batcher runs updates on the one connection that writes. An update that finds
// it idle is committed alone; those that arrive meanwhile share the next
// transaction and wait for the one commit, which is where the time goes:
// synchronous=FULL waits there for the disk.
//
// An update that is refused leaves nothing to undo where it has written
// nothing, and few that have are refused. So updates run one after the other
// without savepoints, which cost each a quarter of its work: SQLite keeps the
// pages as they were, and writes a piece of the names' index each time. When one
// fails that has written, it has spoilt the batch: all is rolled back, and all
// of the batch run once more, now each under a savepoint.
//
// The transaction goes round like a baton: a goroutine that lives as long as
// somebody waits begins it, hands it to one caller after another, each of whom
// runs its function in its own goroutine, and commits. So a function that
// panics unwinds its own caller, and takes no other with it.
type batcher struct {
	db   *database
	pool *sessions
	log  *slog.Logger

	mu      sync.Mutex // guards all below
	waiting []*job
	running bool          // serve is at work
	closed  bool          // no more jobs
	idle    chan struct{} // closed when closed and not running

	// Of serve alone: how many more updates run under savepoints, and what the
	// transaction has left for its end.
	caution   int
	unindexed []unindexed
	edited    []string

	tainted atomic.Bool // set by serve: a failed commit may have left its pages in the WAL
}

// job is one update that wants its turn.
type job struct {
	ctx  context.Context
	bulk bool       // shares no commit
	turn chan turn  // the transaction, when it is the job's turn
	done chan error // how all ended
}

// turn is a job's time with the transaction.
type turn struct {
	tx  *tx
	ran chan error // the function's result; closed without one if it did not return
}

func newBatcher(db *database, pool *sessions, log *slog.Logger) *batcher {
	return &batcher{db: db, pool: pool, log: log, idle: make(chan struct{})}
}

// do runs fn in its turn and returns when it is committed or refused.
func (b *batcher) do(ctx context.Context, bulk bool, fn func(*tx) error) error {
	waiting, cancel := context.WithTimeout(ctx, updateLimit)
	defer cancel()
	j := &job{ctx: waiting, bulk: bulk, turn: make(chan turn), done: make(chan error, 1)}
	if err := b.enter(j); err != nil {
		return unavailable(err)
	}
	for ended := waiting.Done(); ; ended = nil { // who has run hears what became of it
		select {
		case t := <-j.turn:
			t.tx.ctx = context.WithoutCancel(ctx)
			if ended != nil && waiting.Err() != nil { // turn and end came together
				fn = func(*tx) error { return unavailable(waiting.Err()) }
			}
			t.run(fn)
		case err := <-j.done:
			return err
		case <-ended:
			return unavailable(waiting.Err())
		}
	}
}

// run runs fn and tells serve its result, or that it has none.
func (t turn) run(fn func(*tx) error) {
	defer close(t.ran)
	t.ran <- t.tx.result(fn(t.tx))
}

func (b *batcher) enter(j *job) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return errClosed
	}
	b.waiting = append(b.waiting, j)
	if !b.running {
		b.running = true
		go b.serve()
	}
	return nil
}

// next takes the job that has waited longest.
func (b *batcher) next() *job { return b.nextThat(func(*job) bool { return true }) }

// nextThat takes the job that has waited longest, if it is one of those wanted.
func (b *batcher) nextThat(wanted func(*job) bool) *job {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) == 0 || !wanted(b.waiting[0]) {
		return nil
	}
	j := b.waiting[0]
	b.waiting = b.waiting[1:]
	return j
}

// rest ends serve if nobody waits.
func (b *batcher) rest() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) > 0 {
		return false
	}
	b.running = false
	if b.closed {
		close(b.idle)
	}
	return true
}

// serve commits batch after batch until nobody waits.
func (b *batcher) serve() {
	ctx := context.Background() // of no single caller
	for !b.rest() {
		if err := b.batch(ctx); err != nil {
			b.refuse(err)
		}
	}
}

// refuse answers all who wait, when the transaction cannot even begin.
func (b *batcher) refuse(err error) {
	for j := b.next(); j != nil; j = b.next() {
		j.done <- b.db.speaks.translate(err)
	}
}

func (b *batcher) batch(ctx context.Context) error {
	s, err := b.pool.take(ctx)
	if err != nil {
		return err
	}
	defer b.pool.give(s)
	if err := b.purge(ctx, s); err != nil {
		return err
	}
	// Jobs are taken only once the transaction is open: while another process
	// holds the lock all wait for one and the same busy_timeout.
	if err := s.do(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if j := b.nextThat(isBulk); j != nil {
		b.alone(ctx, s, j)
		return nil
	}
	ran, err := b.round(ctx, s)
	if errors.Is(err, errSpoilt) {
		ran, err = b.again(ctx, s, ran)
	}
	if err == nil {
		err = b.commit(ctx, s)
	} else {
		s.rollback(ctx)
	}
	for _, r := range ran {
		r.job.done <- r.result(b.db, err)
	}
	return nil
}

// outcome is what became of one job.
type outcome struct {
	job *job
	err error
}

// result is the job's own, unless the transaction failed: then nothing of what
// it has read or written ever was.
func (o outcome) result(db *database, failed error) error {
	if failed != nil {
		return db.speaks.translate(failed)
	}
	return o.err
}

// errSpoilt says that the transaction holds what must not be committed.
var errSpoilt = errors.New("an update failed that has written")

// round gives each job its turn. An error means that the transaction is lost.
func (b *batcher) round(ctx context.Context, s *session) ([]outcome, error) {
	run := b.trusted
	if b.caution > 0 {
		run = b.cautious
	}
	s.cache(ctx, plainCache)
	b.forget()
	var ran []outcome
	for range batchLimit {
		j := b.nextThat(isSmall)
		if j == nil {
			break
		}
		o, ok, err := run(ctx, s, j)
		if ok {
			ran = append(ran, o)
		}
		if err != nil {
			return ran, err
		}
	}
	return ran, b.newTx(ctx, s, updateLimit).settle()
}

// newTx is what the next function gets of the transaction. What the ones before
// it have left for the end goes with it.
func (b *batcher) newTx(ctx context.Context, s *session, limit time.Duration) *tx {
	return &tx{ctx: ctx, until: time.Now().Add(limit), db: b.db, run: s, unindexed: slices.Clip(b.unindexed), edited: slices.Clip(b.edited)}
}

// forget drops what a transaction has left that was not committed.
func (b *batcher) forget() { b.unindexed, b.edited = nil, nil }

// settle does what was left for the end of the transaction.
func (t *tx) settle() error { return firstError(t.indexTexts(), t.number()) }

// again runs the jobs of a spoilt batch once more, and is cautious for a while.
// Who was alone has spoilt nothing of anybody's.
func (b *batcher) again(ctx context.Context, s *session, spoilt []outcome) ([]outcome, error) {
	_ = s.do(ctx, "ROLLBACK") // fails where SQLite has done so by itself, as after a full disk
	if err := s.do(ctx, "BEGIN IMMEDIATE"); err != nil {
		return spoilt, err
	}
	if len(spoilt) == 1 && spoilt[0].err != nil {
		return spoilt, nil
	}
	b.caution = cautionAfter
	b.forget()
	var ran []outcome
	for i, o := range spoilt {
		o.job.ctx = ctx // who has run once waits, whatever becomes of his own
		o, ok, err := b.cautious(ctx, s, o.job)
		if ok {
			ran = append(ran, o)
		}
		if err != nil {
			return append(ran, spoilt[i+1:]...), err
		}
	}
	return ran, b.newTx(ctx, s, updateLimit).settle()
}

func isBulk(j *job) bool  { return j.bulk }
func isSmall(j *job) bool { return !j.bulk }

// alone gives a bulk job the transaction for itself. It runs under no savepoint:
// SQLite would keep every page as it was before, and look through all of them
// at the end of each statement, so that the cost grows with the square of the work.
//
// From then on the connection has a large cache, until the next small update: a
// key has its place in ten indexes, and a page that does not stay in the cache
// is written again for the next key that belongs there.
func (b *batcher) alone(ctx context.Context, s *session, j *job) {
	s.cache(ctx, bulkCache)
	b.forget()
	t, result, returned := b.hand(ctx, s, j, bulkLimit)
	if t == nil {
		s.rollback(ctx)
		return
	}
	if returned && result == nil {
		result = t.settle()
	}
	if !returned || result != nil {
		s.rollback(ctx)
	} else {
		result = b.db.speaks.translate(b.commit(ctx, s))
	}
	j.done <- result
}

// hand lets one job run, and gives its result if its function returned. The
// transaction is nil if the caller has gone.
func (b *batcher) hand(ctx context.Context, s *session, j *job, limit time.Duration) (t *tx, result error, returned bool) {
	mine := turn{b.newTx(ctx, s, limit), make(chan error, 1)}
	select {
	case j.turn <- mine:
		result, returned = <-mine.ran
		if returned && result == nil {
			b.unindexed, b.edited = mine.tx.unindexed, mine.tx.edited
		}
		return mine.tx, result, returned
	case <-j.ctx.Done():
		return nil, nil, false
	}
}

// trusted lets one job run under no savepoint. ok is false if nobody waits for
// the outcome: the caller has gone, or its function did not return.
func (b *batcher) trusted(ctx context.Context, s *session, j *job) (o outcome, ok bool, err error) {
	t, result, returned := b.hand(ctx, s, j, updateLimit)
	if t != nil && t.wrote && (!returned || result != nil) {
		err = errSpoilt
	}
	return outcome{job: j, err: result}, returned, err
}

// cautious lets one job run under a savepoint.
func (b *batcher) cautious(ctx context.Context, s *session, j *job) (o outcome, ok bool, err error) {
	b.caution--
	if err := s.do(ctx, "SAVEPOINT job"); err != nil {
		return outcome{job: j}, true, err
	}
	t, result, returned := b.hand(ctx, s, j, updateLimit)
	if t == nil || returned && result == nil {
		return outcome{job: j}, returned, s.do(ctx, "RELEASE job")
	}
	if err := s.do(ctx, "ROLLBACK TO job"); err != nil {
		// SQLite has rolled back everything, as it may after a full disk or an I/O error.
		return outcome{job: j}, returned, firstError(t.failed, err)
	}
	return outcome{job: j, err: result}, returned, s.do(ctx, "RELEASE job")
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// commit makes the batch durable or undoes it.
func (b *batcher) commit(ctx context.Context, s *session) error {
	err := s.do(ctx, "COMMIT")
	if err == nil {
		return nil
	}
	s.rollback(ctx)
	b.tainted.Store(true)
	b.log.Error("commit failed", "err", err)
	if err := b.purge(ctx, s); err != nil {
		b.log.Error("write after a failed commit failed too", "err", err)
	}
	return err
}

// purge makes sure that a failed commit stays failed. Its pages may be in the
// WAL, whole, with only the sync missing: this process no longer sees them, but
// one that recovers the WAL after a crash would. The next commit overwrites
// them, so one is made before anything else, and until it succeeds the store
// answers nobody. It writes a number in the header that nothing else uses.
func (b *batcher) purge(ctx context.Context, s *session) error {
	if !b.tainted.Load() {
		return nil
	}
	if err := s.do(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err := firstError(s.do(ctx, "PRAGMA user_version = 1"), s.do(ctx, "COMMIT")); err != nil {
		s.rollback(ctx)
		return err
	}
	b.tainted.Store(false)
	return nil
}

// sound tries to get over a failed commit, if there was one. Whoever asks only
// whether the store works may be the only one who still comes.
func (b *batcher) sound(ctx context.Context) error {
	if !b.tainted.Load() {
		return nil
	}
	return b.do(ctx, false, func(*tx) error { return nil })
}

// close waits for the jobs that have come and refuses more.
func (b *batcher) close() error {
	b.mu.Lock()
	b.closed = true
	if !b.running {
		close(b.idle)
	}
	b.mu.Unlock()
	<-b.idle
	return b.pool.close()
}
