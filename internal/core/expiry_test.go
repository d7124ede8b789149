package core_test

import (
	"testing"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/store/storetest"
)

// BenchmarkExpireSessions writes down ten thousand sessions that end at one
// moment, each with a webhook that is told, in the server's batches, and tells
// how long a program that creates a session meanwhile waits at worst.
func BenchmarkExpireSessions(b *testing.B) {
	for name, open := range map[string]func() *world{
		"sqlite":   func() *world { return newWorld(b) },
		"postgres": func() *world { return newWorldOn(b, storetest.Postgres(b)) },
	} {
		for _, servers := range []int{1, 2} {
			b.Run(name+"/servers="+string(rune('0'+servers)), func(b *testing.B) {
				var worst time.Duration
				for b.Loop() {
					b.StopTimer()
					w := open()
					w.manyOverdue(10_000)
					w.clock.advance(time.Minute)
					waited := w.createUntil(b, w.apiKey("p"))
					b.StartTimer()
					for _, err := range atOnce(servers, func(int) error { return w.expireAll(b, 100) }) {
						if err != nil {
							b.Fatal(err)
						}
					}
					b.StopTimer()
					worst = max(worst, waited())
					b.StartTimer()
				}
				b.ReportMetric(float64(worst.Milliseconds()), "worst-create-ms")
			})
		}
	}
}

// A batch takes a few calls to the store however many sessions are in it, so
// that thousands that end at one moment keep nobody waiting.
func TestExpireSessionsIsBoundedWork(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		w.manyOverdue(110)
		w.clock.advance(time.Minute)
		for _, batch := range []int{10, 100} {
			counted := &faulty{Store: w.store}
			n, err := w.over(counted).ExpireSessions(t.Context(), core.System("sweep"), batch)
			if err != nil || n != batch || counted.calls != 6 {
				t.Errorf("ExpireSessions = %d, %v in %d calls to the store; want %d in 6", n, err, counted.calls, batch)
			}
		}
	})
}

// expireAll writes down what has expired until nothing is left.
func (w *world) expireAll(t testing.TB, batch int) error {
	for {
		n, err := w.ExpireSessions(t.Context(), core.System("sweep"), batch)
		if err != nil || n == 0 {
			return err
		}
	}
}

// createUntil creates one session after the other until its result is called,
// which gives the longest that one took.
func (w *world) createUntil(t testing.TB, by core.Actor) func() time.Duration {
	stop, worst := make(chan struct{}), make(chan time.Duration)
	go func() {
		var most time.Duration
		for {
			select {
			case <-stop:
				worst <- most
				return
			default:
			}
			start := time.Now()
			if _, err := w.CreateSession(t.Context(), by, core.NewSession{Kind: core.CollectSession}); err != nil {
				t.Error(err)
			}
			most = max(most, time.Since(start))
		}
	}()
	return func() time.Duration {
		close(stop)
		return <-worst
	}
}
