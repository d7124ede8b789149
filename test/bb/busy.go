package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the server's own driver, so that the two lock alike

	"keyrack/test/rig"
)

// database opens a program's SQLite database beside it.
func (b *trial) database(p rig.Program) *sql.DB {
	db, err := sql.Open("sqlite", filepath.Join(p.Data(), "keyrack.db")+"?_pragma=busy_timeout(5000)")
	b.must(err)
	db.SetMaxOpenConns(1)
	b.later(func() { _ = db.Close() })
	return db
}

// sqlite runs a statement in a program's SQLite database.
func (b *trial) sqlite(p rig.Program, statement string, args ...any) {
	db := b.database(p)
	_, err := db.ExecContext(b, statement, args...)
	b.must(err)
	b.must(db.Close())
}

// hold keeps the write lock for some time, in the background.
func (b *trial) hold(p rig.Program, d time.Duration) (released <-chan struct{}) {
	db := b.database(p)
	tx, err := db.BeginTx(b, nil)
	b.must(err)
	_, err = tx.ExecContext(b, "PRAGMA user_version = 1") // takes the lock
	b.must(err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-time.After(d):
		case <-b.Done():
		}
		_ = tx.Rollback()
		_ = db.Close()
	}()
	return done
}

// tally sorts answers.
type tally struct {
	mu                   sync.Mutex // guards what follows
	done, refused, wrong int
	took                 []time.Duration // of those that were done
	slowest              time.Duration   // of all
	samples              []string        // of what was wrong
}

func (t *tally) take(r reply, want int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.slowest = max(t.slowest, r.took)
	switch {
	case r.err == nil && r.status == want:
		t.done++
		t.took = append(t.took, r.took)
	case r.err == nil && r.refusedWell():
		t.refused++
	default:
		t.wrong++
		if len(t.samples) < 3 {
			t.samples = append(t.samples, r.String())
		}
	}
}

// quantile is the time that a part of the done ones stayed below.
func (t *tally) quantile(q float64) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.took) == 0 {
		return 0
	}
	slices.Sort(t.took)
	return t.took[min(int(q*float64(len(t.took))), len(t.took)-1)]
}

// flood makes calls on n connections until ctx is done.
func flood(ctx context.Context, n, want int, address string, next func() call) *tally {
	t, c := &tally{}, client(35*time.Second)
	var clients sync.WaitGroup
	for range n {
		clients.Go(func() {
			for ctx.Err() == nil {
				t.take(ask(context.WithoutCancel(ctx), c, address, next()), want)
			}
		})
	}
	clients.Wait()
	c.CloseIdleConnections()
	return t
}

var readList = call{method: http.MethodGet, path: sessionsPath + "?limit=5", header: withKey}

// lockHeld is F5.
func lockHeld(b *trial) {
	p := b.peopled()
	s := b.serve(p)
	write := func() call { return newSession("", fmt.Sprintf(`{"external_id": "%d"}`, serial.Add(1))) }
	// A short time: everybody waits it out.
	b.hold(p, 3*time.Second)
	ctx, cancel := context.WithTimeout(b, 4*time.Second)
	short := flood(ctx, 8, http.StatusCreated, s.HTTP, write)
	cancel()
	most(b, "failed_short", short.wrong+short.refused, 0)
	most(b, "p99_short", short.quantile(0.99), 4*time.Second)
	// A long time: writers are told to come again, readers notice nothing.
	hold := sized(b, 8*time.Second, 30*time.Second)
	released := b.hold(p, hold)
	ctx, cancel = context.WithTimeout(b, hold)
	var reads *tally
	var group sync.WaitGroup
	group.Go(func() {
		reads = flood(ctx, 2, http.StatusOK, s.HTTP, func() call { return readList })
	})
	long := flood(ctx, 8, http.StatusCreated, s.HTTP, write)
	group.Wait()
	cancel()
	<-released
	least(b, "refused_long", long.refused, 1)
	most(b, "wrong_long", long.wrong, 0)
	most(b, "slowest_long", long.slowest, 6*time.Second)
	most(b, "reads_failed", reads.refused+reads.wrong, 0)
	// Many writers and no other process.
	ctx, cancel = context.WithTimeout(b, sized(b, 5*time.Second, time.Minute))
	many := flood(ctx, 64, http.StatusCreated, s.HTTP, write)
	cancel()
	most(b, "failed_many", many.refused+many.wrong, 0)
	b.show(long, many)
}

// show tells of wrong answers.
func (b *trial) show(tallies ...*tally) {
	for _, t := range tallies {
		for _, text := range t.samples {
			fmt.Println("   wrong answer:", strings.TrimSpace(text))
		}
	}
}
