package face

import (
	"time"

	"golang.org/x/time/rate"

	"keyrack/internal/lru"
)

// Limiter lets each key do so much a minute. A key that was idle may use a
// whole minute's worth at once; from then on it comes back evenly. It keeps the
// keys that were seen last and forgets the others, so its memory is bounded.
type Limiter[K comparable] struct {
	perMinute int
	buckets   *lru.Cache[K, *rate.Limiter]
}

// NewLimiter makes a limiter that keeps at most so many keys. A negative
// perMinute sets no limit.
func NewLimiter[K comparable](perMinute, keys int) *Limiter[K] {
	return &Limiter[K]{perMinute: perMinute, buckets: lru.New[K, *rate.Limiter](keys)}
}

// Take uses one of key's requests. Zero means granted; else nothing was used,
// and it is how long to wait.
func (l *Limiter[K]) Take(key K, now time.Time) time.Duration {
	grant := l.bucket(key).ReserveN(now, 1)
	wait := grant.DelayFrom(now)
	if wait > 0 {
		grant.CancelAt(now)
	}
	return wait
}

func (l *Limiter[K]) bucket(key K) *rate.Limiter {
	if b, ok := l.buckets.Get(key); ok {
		return b
	}
	fresh := rate.NewLimiter(rate.Every(time.Minute/time.Duration(l.perMinute)), l.perMinute)
	if b, there, _ := l.buckets.PeekOrAdd(key, fresh); there {
		return b // another request was first
	}
	return fresh
}
