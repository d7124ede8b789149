package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"keyrack/internal/core"
)

func put(t testing.TB, s core.Store, name, value string) {
	t.Helper()
	update(t, s, func(tx core.Tx) error { return tx.PutSetting(name, value) })
}

// wantSetting checks a setting; an empty value means that there is none.
func wantSetting(t testing.TB, s core.Store, name, want string) {
	t.Helper()
	all := found(t, s, func(tx core.Tx) (map[string]string, error) { return tx.Settings("") })
	if got := all[name]; got != want {
		t.Errorf("setting %q is %q, want %q", name, got, want)
	}
}

// testRollback wants nothing to stay of an update that fails, and its error to
// come back.
func testRollback(t *testing.T, s core.Store) {
	put(t, s, "kept", "before")
	err := s.Update(t.Context(), func(tx core.Tx) error {
		return errors.Join(tx.PutSetting("kept", "after"), tx.PutSetting("new", "x"), fails(newAccount(t, tx)), errRefused)
	})
	if !errors.Is(err, errRefused) {
		t.Errorf("Update() = %v, want the function's error", err)
	}
	wantSetting(t, s, "kept", "before")
	wantSetting(t, s, "new", "")
	if n := found(t, s, func(tx core.Tx) (int, error) { return tx.CountAccounts() }); n != 0 {
		t.Errorf("%d accounts after the update failed", n)
	}
	if err := s.View(t.Context(), func(core.Tx) error { return errRefused }); !errors.Is(err, errRefused) {
		t.Errorf("View() = %v, want the function's error", err)
	}
}

// testPanic wants a panic to reach its caller, and to undo only its own.
func testPanic(t *testing.T, s core.Store) {
	for name, run := range map[string]func(context.Context, func(core.Tx) error) error{"Update": s.Update, "View": s.View, "Glance": s.Glance} {
		func() {
			defer func() {
				if err, ok := recover().(error); !ok || !errors.Is(err, errRefused) {
					t.Errorf("%s panics with %v, want the function's value", name, err)
				}
			}()
			_ = run(t.Context(), func(tx core.Tx) error {
				if name == "Update" {
					_ = tx.PutSetting("panicked", "x")
				}
				panic(errRefused)
			})
			t.Errorf("%s returned", name)
		}()
	}
	ended := make(chan struct{})
	go func() { // as t.FailNow does
		defer close(ended)
		_ = s.Update(inBackground(t), func(tx core.Tx) error {
			_ = tx.PutSetting("left", "x")
			runtime.Goexit()
			return nil
		})
	}()
	<-ended
	put(t, s, "after", "x")
	wantSetting(t, s, "panicked", "")
	wantSetting(t, s, "left", "")
	wantSetting(t, s, "after", "x")
}

func testCancellation(t *testing.T, s core.Store) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	started := false
	start := func(core.Tx) error { started = true; return nil }
	for name, err := range map[string]error{"Update": s.Update(gone, start), "View": s.View(gone, start)} {
		wantKind(t, name+" after the context's end", err, core.Unavailable)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s after the context's end = %v, want context.Canceled in it", name, err)
		}
	}
	if started {
		t.Error("a function ran although its context had ended")
	}

	during, cancel := context.WithCancel(t.Context())
	err := s.Update(during, func(tx core.Tx) error {
		cancel()
		return tx.PutSetting("finished", "x")
	})
	if err != nil {
		t.Errorf("Update() whose context ended after it began = %v, want it done", err)
	}
	wantSetting(t, s, "finished", "x")

	during, cancel = context.WithCancel(t.Context())
	err = s.View(during, func(tx core.Tx) error {
		cancel()
		return fails(tx.CountAccounts())
	})
	wantKind(t, "View whose context ends", err, core.Unavailable)
	wantSetting(t, s, "finished", "x")
}

// testViews wants a view to see one state, a new view the last one, and
// neither to write.
func testViews(t *testing.T, s core.Store) {
	put(t, s, "a", "1")
	view(t, s, func(tx core.Tx) error {
		before, err := tx.Setting("a")
		if err != nil {
			return err
		}
		put(t, s, "a", "2")
		wantSetting(t, s, "a", "2") // at once, for a view that begins now
		after, err := tx.Setting("a")
		if before != "1" || after != "1" {
			return fmt.Errorf("one view sees %q, then %q", before, after)
		}
		return err
	})
	err := s.View(t.Context(), func(tx core.Tx) error { return tx.PutSetting("a", "3") })
	if err == nil {
		t.Error("a view could write")
	}
	err = s.View(t.Context(), func(tx core.Tx) error {
		_ = tx.DeleteSetting("a")
		return nil
	})
	if err == nil {
		t.Error("a view that tried to write and did not tell succeeded")
	}
	wantSetting(t, s, "a", "2")
}

// testGlances wants a glance to run its function once for one statement, and
// once more, on one snapshot, where it comes to a second; and to write nothing.
func testGlances(t *testing.T, s core.Store) {
	put(t, s, "a", "1")
	runs, seen := 0, ""
	glance := func(fn func(tx core.Tx) error) error {
		runs = 0
		return s.Glance(t.Context(), func(tx core.Tx) error { runs++; return fn(tx) })
	}
	err := glance(func(tx core.Tx) (err error) { seen, err = tx.Setting("a"); return err })
	if err != nil || runs != 1 || seen != "1" {
		t.Errorf("a glance sees %q in %d runs: %v; want 1 in one", seen, runs, err)
	}
	var after string
	err = glance(func(tx core.Tx) (err error) {
		if seen, err = tx.Setting("a"); err != nil {
			return err
		}
		put(t, s, "a", "after "+seen)
		after, err = tx.Setting("a")
		return err
	})
	if err != nil || runs != 2 || seen != "after 1" || after != seen {
		t.Errorf("a glance of two statements sees %q, then %q, in %d runs: %v; want one state, in two", seen, after, runs, err)
	}
	err = glance(func(tx core.Tx) error {
		_ = fails(tx.Setting("a"))
		_ = fails(tx.Setting("a"))
		return errRefused
	})
	if !errors.Is(err, errRefused) || runs != 2 {
		t.Errorf("a glance that overlooks an error = %v in %d runs, want the function's error in two", err, runs)
	}
	if err := glance(func(tx core.Tx) error { return tx.PutSetting("a", "3") }); err == nil {
		t.Error("a glance could write")
	}
	wantKind(t, "a glance at what is not there", glance(func(tx core.Tx) error { return fails(tx.Setting("b")) }), core.NotFound)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	err = s.Glance(gone, func(tx core.Tx) error { return fails(tx.Setting("a")) })
	wantKind(t, "Glance after the context's end", err, core.Unavailable)
	wantSetting(t, s, "a", "after after 1")
}

// testFailure wants an update to fail when one of its calls has, whatever its
// function makes of that; but NotFound is an answer.
func testFailure(t *testing.T, s core.Store) {
	update(t, s, func(tx core.Tx) error {
		wantKind(t, "Account", fails(tx.Account(1)), core.NotFound)
		wantKind(t, "DeleteKey", tx.DeleteKey(1), core.NotFound)
		return tx.PutSetting("found", "x")
	})
	wantSetting(t, s, "found", "x")
	err := s.Update(t.Context(), func(tx core.Tx) error {
		a, err := newAccount(t, tx)
		if err != nil {
			return err
		}
		wantKind(t, "second account", fails(tx.InsertAccount(a)), core.Conflict)
		_ = tx.PutSetting("overlooked", "x")
		return nil
	})
	wantKind(t, "update that overlooks a conflict", err, core.Conflict)
	wantSetting(t, s, "overlooked", "")
	err = s.Update(t.Context(), func(tx core.Tx) error {
		a, err := newAccount(t, tx)
		if err != nil {
			return err
		}
		_, _ = tx.InsertAccount(a)
		return errRefused
	})
	wantKind(t, "update that hides a conflict", err, core.Conflict)
}

const (
	workers = 8
	rounds  = 10
)

// eachWorker runs fn on many goroutines and gathers their errors.
func eachWorker(t testing.TB, fn func(worker int) error) {
	t.Helper()
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			if err := fn(w); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

// testConcurrency counts up on many goroutines: none is lost, neither an
// increment of one value nor a revision's number.
func testConcurrency(t *testing.T, s core.Store) {
	put(t, s, "counter", "0")
	var k core.Key
	update(t, s, func(tx core.Tx) error {
		a, err := newAccount(t, tx)
		if err != nil {
			return err
		}
		k, err = newKey(t, tx, a.ID)
		return err
	})
	ctx := inBackground(t)
	eachWorker(t, func(worker int) error {
		for range rounds {
			err := s.Update(ctx, func(tx core.Tx) error {
				text, err := tx.Setting("counter")
				if err != nil {
					return err
				}
				n, _ := strconv.Atoi(text)
				return errors.Join(tx.PutSetting("counter", strconv.Itoa(n+1)), tx.InsertRevisions(core.Revision{Key: k}))
			})
			if err != nil {
				return fmt.Errorf("worker %d: %w", worker, err)
			}
		}
		return nil
	})
	wantSetting(t, s, "counter", strconv.Itoa(workers*rounds))
	for i, r := range found(t, s, func(tx core.Tx) ([]core.Revision, error) { return tx.Revisions(k.UUID) }) {
		if r.Number != i+1 {
			t.Fatalf("revision %d has number %d", i+1, r.Number)
		}
	}
}

// testWriteSkew lets two updates each read what the other writes. One after
// the other they keep at least one light on; on snapshots of their own, as
// weaker isolation has them, both could go out.
func testWriteSkew(t *testing.T, s core.Store) {
	ctx := inBackground(t)
	switchOff := func(mine, other string) error {
		return s.Update(ctx, func(tx core.Tx) error {
			light, err := tx.Setting(other)
			runtime.Gosched()
			if err != nil || light == "off" {
				return err
			}
			return tx.PutSetting(mine, "off")
		})
	}
	for range 3 * rounds {
		update(t, s, func(tx core.Tx) error { return errors.Join(tx.PutSetting("left", "on"), tx.PutSetting("right", "on")) })
		var group sync.WaitGroup
		for _, pair := range [][2]string{{"left", "right"}, {"right", "left"}} {
			group.Go(func() {
				if err := switchOff(pair[0], pair[1]); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		lights := found(t, s, func(tx core.Tx) (map[string]string, error) { return tx.Settings("") })
		if lights["left"] == lights["right"] {
			t.Fatalf("both lights are %s, want one on", lights["left"])
		}
	}
}

// testNeighbours runs updates side by side of which some fail, some panic and
// some are not wanted any more: the others are neither hindered nor undone.
func testNeighbours(t *testing.T, s core.Store) {
	ctx := inBackground(t)
	eachWorker(t, func(worker int) error {
		for round := range rounds {
			name := fmt.Sprintf("%d.%d", worker, round)
			write := func(tx core.Tx) error { return tx.PutSetting(name, "x") }
			switch worker % 4 {
			case 0, 1:
				if err := s.Update(ctx, write); err != nil {
					return fmt.Errorf("update beside others that fail: %w", err)
				}
			case 2:
				err := s.Update(ctx, func(tx core.Tx) error { return errors.Join(write(tx), errRefused) })
				if !errors.Is(err, errRefused) {
					return fmt.Errorf("update that fails beside others: %w", err)
				}
			case 3:
				panics(func() { _ = s.Update(ctx, func(tx core.Tx) error { _ = write(tx); panic(errRefused) }) })
			}
		}
		return nil
	})
	all := found(t, s, func(tx core.Tx) (map[string]string, error) { return tx.Settings("") })
	for worker := range workers {
		for round := range rounds {
			name := fmt.Sprintf("%d.%d", worker, round)
			if _, there := all[name]; there != (worker%4 < 2) {
				t.Errorf("what update %s wrote is there: %t", name, there)
			}
		}
	}
}

// panics runs fn and takes its panic.
func panics(fn func()) {
	defer func() { _ = recover() }()
	fn()
}
