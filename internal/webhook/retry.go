package webhook

import (
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"keyrack/internal/core"
)

// maxDelay caps what a webhook's plan or its receiver can ask for.
const maxDelay = 24 * time.Hour

// Backoff is the delay that a webhook's plan has after its attempt-th try,
// 1 being the first: initial_backoff × multiplier^(attempt−1) seconds, at most
// a day.
func Backoff(w core.Webhook, attempt int) time.Duration {
	seconds := float64(max(w.InitialBackoff, 1)) * math.Pow(max(w.BackoffMultiplier, 1), float64(attempt-1))
	if seconds < maxDelay.Seconds() {
		return time.Duration(seconds * float64(time.Second))
	}
	return maxDelay // +Inf and NaN too
}

// RetryAfter reads the header of that name, seconds or a date (RFC 9110,
// 10.2.3), as a delay from now of at most a day. What cannot be read or is past
// is zero.
func RetryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	seconds, err := strconv.ParseUint(value, 10, 64)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, uint64(maxDelay/time.Second))) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxDelay)
}

// nextTry is when to try again after a, which ended just now. Up to a tenth
// comes on top, so that what failed together does not come back together.
func nextTry(w core.Webhook, a core.Attempt, now time.Time) time.Time {
	delay := max(Backoff(w, a.Number), a.RetryAfter)
	return now.Add(delay + rand.N(delay/10+1)) //nolint:gosec // nobody gains by guessing it
}
