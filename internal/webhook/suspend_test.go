package webhook_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"keyrack/internal/webhook"
)

// suspended is the time of day on a machine that was suspended: it has moved
// on, while timers stood still.
type suspended struct{ missed atomic.Int64 }

func (s *suspended) now() time.Time          { return time.Now().Add(time.Duration(s.missed.Load())) }
func (s *suspended) suspend(d time.Duration) { s.missed.Add(int64(d)) }

// A machine that was suspended in a try has lost its lease. What comes of the
// try is not recorded, so it cannot end the lease of the one who took over and
// start a third.
func TestTryOfASuspendedMachineIsNotRecorded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		clock, q, seen, log := &suspended{}, newQueue(), &arrivals{}, &lines{}
		q.now = clock.now
		q.add(hook(1, home), 1)
		start(t, webhook.Options{Queue: q, Now: clock.now, Log: log.logger(), Client: receive(func(r *http.Request) *http.Response {
			seen.note(r)
			if len(seen.seen()) == 1 {
				clock.suspend(time.Hour)
				time.Sleep(10 * time.Second) // until the delivery has been claimed again
				return answer(500)
			}
			time.Sleep(20 * time.Second) // the first try ends in the middle of this one
			return answer(200)
		})})
		q.wait(1)
		time.Sleep(time.Hour)
		if n := len(seen.seen()); n != 2 || q.refused != 1 {
			t.Errorf("the receiver got %d requests and %d records were refused, want 2 and 1", n, q.refused)
		}
		if a := q.only(t, 1); a.Number != 1 || a.Status != 200 {
			t.Errorf("record = %+v, want that of the try that held the lease", a)
		}
		if !strings.Contains(log.String(), "its lease is over") || strings.Contains(log.String(), "level=ERROR") {
			t.Errorf("the log must say, not as an error, that a try was not recorded:\n%s", log)
		}
	})
}

// A machine that was suspended between claim and try does not begin it.
func TestSuspendedMachineBeginsNoTry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		clock, q, seen := &suspended{}, newQueue(), &arrivals{}
		q.now = clock.now
		q.add(hook(1, home), 1)
		claims := 0
		q.claimed = func() {
			if claims++; claims == 1 {
				clock.suspend(time.Hour)
			}
		}
		start(t, webhook.Options{Queue: q, Now: clock.now, Client: receive(func(r *http.Request) *http.Response {
			seen.note(r)
			return answer(200)
		})})
		q.wait(1)
		if n := len(seen.seen()); n != 1 || claims != 2 {
			t.Errorf("%d requests after %d claims, want 1 after the second", n, claims)
		}
	})
}
