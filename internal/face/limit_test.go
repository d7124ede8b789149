package face_test

import (
	"sync"
	"testing"
	"time"

	"keyrack/internal/face"
)

func TestLimiter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 10, 10, 0, 0, 0, time.UTC)
	l := face.NewLimiter[string](3, 10)
	for n := range 3 {
		if wait := l.Take("a", now); wait != 0 {
			t.Fatalf("Take number %d = %v, want it granted", n, wait)
		}
	}
	for range 2 { // being refused costs nothing
		if wait := l.Take("a", now); wait != 20*time.Second {
			t.Errorf("Take number 4 = %v, want 20s to wait", wait)
		}
	}
	if wait := l.Take("b", now); wait != 0 {
		t.Errorf("Take by another = %v, want it granted", wait)
	}
	if wait := l.Take("a", now.Add(20*time.Second)); wait != 0 {
		t.Errorf("Take after the wait = %v, want it granted", wait)
	}
	if wait := l.Take("a", now.Add(20*time.Second)); wait != 20*time.Second {
		t.Errorf("Take twice after the wait = %v, want 20s to wait", wait)
	}
}

func TestLimiterWithoutLimit(t *testing.T) {
	t.Parallel()
	l := face.NewLimiter[int](-1, 1)
	for n := range 1000 {
		if wait := l.Take(1, time.Time{}); wait != 0 {
			t.Fatalf("Take number %d = %v, want it granted", n, wait)
		}
	}
}

// Many who ask for one key at once share one bucket, also when nobody has asked
// before.
func TestLimiterAtOnce(t *testing.T) {
	t.Parallel()
	l := face.NewLimiter[int](10, 100)
	now := time.Now()
	var granted sync.Map
	var all sync.WaitGroup
	for n := range 50 {
		all.Go(func() {
			if l.Take(7, now) == 0 {
				granted.Store(n, true)
			}
		})
	}
	all.Wait()
	count := 0
	granted.Range(func(any, any) bool { count++; return true })
	if count != 10 {
		t.Errorf("%d of 50 at once were granted, want 10", count)
	}
}
