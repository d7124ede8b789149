package store

import (
	"runtime"
	"sync"
	"testing"

	"keyrack/internal/core"
)

// TestCrowdIsRefused fills the store with updates that wait for each other:
// one more is refused at once, and so are views where they would wait too; all
// that wait come through.
func TestCrowdIsRefused(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s *Store) {
		release, first := make(chan struct{}), make(chan struct{})
		hold := sync.OnceFunc(func() { close(first); <-release })
		var all sync.WaitGroup
		for range mostWaiting {
			all.Go(func() {
				err := s.Update(t.Context(), func(tx core.Tx) error { hold(); return put(tx, "a") })
				if err != nil {
					t.Errorf("one who waited: %v", err)
				}
			})
		}
		<-first
		for s.updates.inside.Load() < mostWaiting {
			runtime.Gosched()
		}
		err := s.View(t.Context(), func(core.Tx) error { return nil })
		if refused := core.KindOf(err) == core.Unavailable && err != nil; refused != (s.views == s.updates) {
			t.Errorf("a view beside them: %v", err)
		}
		err = s.Update(t.Context(), func(core.Tx) error { return nil })
		if core.KindOf(err) != core.Unavailable {
			t.Errorf("one too many: %v, want unavailable", err)
		}
		again := core.WithPass(t.Context())
		core.PassOf(again).LetIn(s.updates)
		all.Go(func() {
			if err := s.Update(again, func(tx core.Tx) error { return put(tx, "c") }); err != nil {
				t.Errorf("one who was in before: %v", err)
			}
		})
		close(release)
		all.Wait()
		if err := s.Update(t.Context(), func(tx core.Tx) error { return put(tx, "b") }); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}
