package face

import (
	"sync"
	"time"

	"keyrack/internal/lru"
)

// Failures counts failed log-ins and locks out whom failed too often: an
// address, a user name, or both together. It keeps the keys that failed last
// and forgets the others, so its memory is bounded. Its count is this server's
// own: of several servers each grants as many.
type Failures[K comparable] struct {
	most   int
	window time.Duration
	mu     sync.Mutex // guards what recent holds
	recent *lru.Cache[K, failures]
}

// failures are those of one key, until a moment at which they are forgiven.
type failures struct {
	count int
	until time.Time
}

// NewFailures makes a counter that locks a key after so many failures, each
// within window of the one before, for as long as window. It keeps at most so
// many keys. A most of zero or less never locks.
func NewFailures[K comparable](most int, window time.Duration, keys int) *Failures[K] {
	return &Failures[K]{most: most, window: window, recent: lru.New[K, failures](keys)}
}

// Locked tells how long the key is locked out still; zero: it is not.
func (f *Failures[K]) Locked(key K, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	seen, _ := f.recent.Get(key)
	if f.most <= 0 || seen.count < f.most {
		return 0
	}
	return max(seen.until.Sub(now), 0)
}

// Fail counts a failure.
func (f *Failures[K]) Fail(key K, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	seen, _ := f.recent.Get(key)
	if !now.Before(seen.until) {
		seen.count = 0
	}
	f.recent.Add(key, failures{count: seen.count + 1, until: now.Add(f.window)})
}

// Clear forgives a key: it has succeeded.
func (f *Failures[K]) Clear(key K) { f.recent.Remove(key) }
