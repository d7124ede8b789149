package webhook_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"keyrack/internal/core"
	"keyrack/internal/webhook"
)

const home = "https://app.example.org/hooks/ssh"

// arrivals is what a receiver saw: which delivery came when.
type arrivals struct {
	mu   sync.Mutex
	ids  []string
	when []time.Duration // since the first
	from time.Time
}

func (a *arrivals) note(r *http.Request) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.from.IsZero() {
		a.from = time.Now()
	}
	a.ids = append(a.ids, r.Header.Get("webhook-id"))
	a.when = append(a.when, time.Since(a.from))
	return len(a.ids)
}

func (a *arrivals) seen() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.ids)
}

// ids gives the webhook-ids of all deliveries, in the order of their events.
func (q *queue) ids() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := make([]string, len(q.all))
	for i, e := range q.all {
		out[i] = e.UUID.String()
	}
	return out
}

func TestEventsArriveInOrderOneAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, seen := newQueue(), &arrivals{}
		q.add(hook(1, home), 20)
		var now, most atomic.Int32
		start(t, webhook.Options{Queue: q, Client: receive(func(r *http.Request) *http.Response {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			time.Sleep(time.Second) // the receiver's work, on a clock of the test's own
			seen.note(r)
			return answer(204)
		})})
		q.wait(20)
		if diff := cmp.Diff(q.ids(), seen.seen()); diff != "" {
			t.Errorf("order of arrival (-events, +arrived):\n%s", diff)
		}
		if most.Load() != 1 {
			t.Errorf("%d deliveries of one webhook at once, want 1", most.Load())
		}
	})
}

func TestFailedDeliveryDoesNotHoldUpLaterOnes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, seen := newQueue(), &arrivals{}
		to := hook(1, home)
		to.Retries = 1
		q.add(to, 3)
		start(t, webhook.Options{Queue: q, Client: receive(func(r *http.Request) *http.Response {
			if seen.note(r) == 1 {
				return answer(500)
			}
			return answer(200)
		})})
		if got, want := q.wait(4), []core.DeliveryID{1, 2, 3, 1}; !slices.Equal(got, want) {
			t.Errorf("deliveries were tried as %v, want %v", got, want)
		}
	})
}

func TestRetryPlan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, seen := newQueue(), &arrivals{}
		to := hook(1, home)
		to.Retries = 4
		q.add(to, 1)
		start(t, webhook.Options{Queue: q, Client: receive(func(r *http.Request) *http.Response {
			seen.note(r)
			return answer(500)
		})})
		q.wait(5)
		e := q.get(1)
		if e.State != core.DeliveryFailed || len(e.tries) != 5 {
			t.Fatalf("after the plan the delivery is %s with %d tries, want failed with 5", e.State, len(e.tries))
		}
		for i, want := range []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second, 80 * time.Second} {
			got := seen.when[i+1] - seen.when[i]
			if got < want || got > want+want/10 || got != e.plan[i] {
				t.Errorf("try %d came %v after the one before (planned %v), want %v and up to a tenth more", i+2, got, e.plan[i], want)
			}
			if e.tries[i].Number != i+1 || e.tries[i].Reason != "status 500" {
				t.Errorf("record %d = %+v, want number %d, status 500", i, e.tries[i], i+1)
			}
		}
		if ids := seen.seen(); len(slices.Compact(ids)) != 1 || ids[0] != e.UUID.String() {
			t.Errorf("webhook-id changed over the tries: %v", seen.seen())
		}
	})
}

// What failed together must not come back together.
func TestJitterSpreadsTries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		for i := range 50 {
			to := hook(core.WebhookID(i+1), home)
			to.Retries = 1
			q.add(to, 1)
		}
		start(t, webhook.Options{Queue: q, Client: receive(func(*http.Request) *http.Response { return answer(500) })})
		q.wait(100)
		delays := map[time.Duration]bool{}
		for id := range core.DeliveryID(50) {
			delays[q.get(id + 1).plan[0]] = true
		}
		if len(delays) < 25 {
			t.Errorf("50 tries have %d different delays, want most of them different", len(delays))
		}
	})
}

func TestReceiverThatIsDownAndReturns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		to := hook(1, home)
		to.Retries, to.InitialBackoff = 10, 5
		q.add(to, 30)
		down := time.Now().Add(10 * time.Minute)
		var mu sync.Mutex
		got := map[string]int{}
		start(t, webhook.Options{Queue: q, Poll: time.Minute, Client: receive(func(r *http.Request) *http.Response {
			if time.Now().Before(down) {
				return nil // until the client's time is up
			}
			mu.Lock()
			defer mu.Unlock()
			got[r.Header.Get("webhook-id")]++
			return answer(200)
		})})
		time.Sleep(4 * time.Hour)
		for id := range core.DeliveryID(30) {
			if e := q.get(id + 1); e.State != core.DeliveryDelivered || got[e.UUID.String()] != 1 {
				t.Errorf("delivery %d is %s and arrived %d times, want delivered once", id+1, e.State, got[e.UUID.String()])
			}
		}
	})
}

func TestRetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, header string
		want         time.Duration
	}{
		{"longer than the plan", "120", 2 * time.Minute},
		{"a date", "date", 2 * time.Minute},
		{"shorter than the plan", "3", 10 * time.Second},
		{"no number", "soon", 10 * time.Second},
		{"a year", "31536000", day},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q, seen := newQueue(), &arrivals{}
				to := hook(1, home)
				to.Retries = 1
				q.add(to, 1)
				if tt.header == "date" {
					tt.header = time.Now().Add(2 * time.Minute).UTC().Format(http.TimeFormat)
				}
				start(t, webhook.Options{Queue: q, Poll: time.Hour, Client: receive(func(r *http.Request) *http.Response {
					seen.note(r)
					return answer(503, "Retry-After", tt.header)
				})})
				q.wait(2)
				if got := seen.when[1]; got < tt.want || got > tt.want+tt.want/10 {
					t.Errorf("after Retry-After: %s the next try came in %v, want %v and up to a tenth more", tt.header, got, tt.want)
				}
			})
		})
	}
}

func TestGoneSwitchesTheWebhookOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, seen := newQueue(), &arrivals{}
		to := hook(1, home)
		to.Retries = 5
		q.add(to, 2)
		start(t, webhook.Options{Queue: q, Client: receive(func(r *http.Request) *http.Response {
			seen.note(r)
			return answer(410)
		})})
		time.Sleep(time.Hour)
		if n := len(seen.seen()); n != 1 {
			t.Errorf("a receiver that is gone got %d requests, want 1", n)
		}
		if a := q.only(t, 1); !a.Gone || a.Status != 410 || a.Reason == "" {
			t.Errorf("record = %+v, want gone, 410 and a reason", a)
		}
	})
}

// Whoever never answers keeps no other webhook waiting, not even one of the
// same receiver, and not by having many deliveries.
func TestReceiverThatHangsDelaysNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		q.perReceiver = 4
		for i := range 1000 {
			q.add(hook(core.WebhookID(i+1), "https://dead.example.org/"), 3)
		}
		began := time.Now()
		var last atomic.Int64
		w, _ := start(t, webhook.Options{Queue: q, Workers: 16, Client: receive(func(r *http.Request) *http.Response {
			if r.URL.Host == "dead.example.org" {
				return nil
			}
			last.Store(int64(time.Since(began)))
			return answer(200)
		})})
		synctest.Wait()
		for i := range 200 {
			q.add(hook(core.WebhookID(2000+i), fmt.Sprintf("https://app%d.example.org/", i%10)), 1)
		}
		w.Wake()
		q.wait(200)
		if got := time.Duration(last.Load()); got != 0 {
			t.Errorf("beside a receiver that hangs, others waited %v, want no time", got)
		}
	})
}

// A queue that shares out gives less than it is asked for while there is more.
func TestQueueThatGivesLittleIsAskedForMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, seen := newQueue(), &arrivals{}
		q.perClaim = 1
		for i := range 10 {
			q.add(hook(core.WebhookID(i+1), home), 1)
		}
		start(t, webhook.Options{Queue: q, Poll: time.Hour, Client: receive(func(r *http.Request) *http.Response {
			seen.note(r)
			return nil
		})})
		synctest.Wait()
		if n := len(seen.seen()); n != 10 {
			t.Errorf("%d of 10 deliveries were begun at once, want all", n)
		}
	})
}

func TestTriesAtOnceAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		for i := range 40 {
			q.add(hook(core.WebhookID(i+1), home), 1)
		}
		var now, most, leased atomic.Int32
		start(t, webhook.Options{Queue: q, Workers: 4, Client: receive(func(*http.Request) *http.Response {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			time.Sleep(time.Second)
			leased.Store(max(leased.Load(), q.held()))
			return answer(200)
		})})
		q.wait(40)
		if most.Load() != 4 || leased.Load() != 4 {
			t.Errorf("at most %d tries at once and %d leases, want all 4 workers and no more", most.Load(), leased.Load())
		}
	})
}

// A process that was killed between claim and record left a lease behind.
func TestDeliveryOfAKilledProcessIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, seen := newQueue(), &arrivals{}
		q.add(hook(1, home), 2)
		if claimed, err := q.ClaimDeliveries(t.Context(), core.System("killed"), time.Minute, 10); len(claimed) != 1 || err != nil {
			t.Fatalf("ClaimDeliveries = %d parcels, %v, want 1", len(claimed), err)
		}
		killed := time.Now()
		start(t, webhook.Options{Queue: q, Client: receive(func(r *http.Request) *http.Response {
			seen.note(r)
			return answer(200)
		})})
		q.wait(2)
		if took := time.Since(killed); took < time.Minute || took > time.Minute+2*time.Second {
			t.Errorf("the delivery was taken over after %v, want when its lease of a minute ran out", took)
		}
		if diff := cmp.Diff(q.ids(), seen.seen()); diff != "" {
			t.Errorf("order of arrival (-events, +arrived):\n%s", diff)
		}
		if a := q.only(t, 1); a.Number != 1 {
			t.Errorf("the repeated try has number %d, want 1: the one cut off was not recorded", a.Number)
		}
	})
}

func TestStopLetsTriesEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		q.add(hook(1, home), 2)
		_, stop := start(t, webhook.Options{Queue: q, Client: receive(func(*http.Request) *http.Response {
			time.Sleep(10 * time.Second)
			return answer(200)
		})})
		synctest.Wait()
		began := time.Now()
		stop()
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("Run ended %v after it was stopped, want when the try had ended", took)
		}
		if a := q.only(t, 1); a.Reason != "" {
			t.Errorf("the try under way was recorded as %+v, want delivered", a)
		}
		if e := q.get(2); len(e.tries) != 0 {
			t.Errorf("a stopped worker began another try: %+v", e.tries)
		}
	})
}

func TestStopCutsOffAfterTheGrace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		q.add(hook(1, home), 1)
		hang := receive(func(*http.Request) *http.Response { return nil })
		_, stop := start(t, webhook.Options{Queue: q, Client: hang, Grace: 5 * time.Second})
		synctest.Wait()
		began := time.Now()
		stop()
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("Run ended %v after it was stopped, want after the grace of 5s", took)
		}
		if e := q.get(1); len(e.tries) != 0 || e.State != core.DeliveryPending {
			t.Errorf("the try that was cut off left %s, %+v, want a pending delivery without a record", e.State, e.tries)
		}
		start(t, webhook.Options{Queue: q, Client: receive(func(*http.Request) *http.Response { return answer(200) })})
		q.wait(1)
		if a := q.only(t, 1); a.Number != 1 || a.Reason != "" {
			t.Errorf("the next worker's record = %+v, want try 1, delivered", a)
		}
	})
}

func TestWakeDeliversAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		w, _ := start(t, webhook.Options{Queue: q, Poll: time.Hour, Client: receive(func(*http.Request) *http.Response { return answer(200) })})
		synctest.Wait()
		began := time.Now()
		q.add(hook(1, home), 3)
		w.Wake()
		q.wait(3)
		if took := time.Since(began); took != 0 {
			t.Errorf("after Wake the deliveries took %v, want no time", took)
		}
	})
}

func TestEventsOfOtherProcessesAreFound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		start(t, webhook.Options{Queue: q, Client: receive(func(*http.Request) *http.Response { return answer(200) })})
		synctest.Wait()
		began := time.Now()
		q.add(hook(1, home), 1)
		q.wait(1)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("an event nobody told of was delivered after %v, want within the poll of 2s", took)
		}
	})
}

// A worker with nothing to do, or with tries that are not due for long, asks
// the queue at its pace and no more.
func TestIdleWorkerRests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		to := hook(1, home)
		to.Retries, to.InitialBackoff = 1, 86400
		q.add(to, 1)
		start(t, webhook.Options{Queue: q, Client: receive(func(*http.Request) *http.Response { return answer(500) })})
		q.wait(1)
		q.set(func(q *queue) { q.asked = 0 })
		time.Sleep(time.Hour)
		q.set(func(q *queue) {
			if q.asked > 2*1800+4 {
				t.Errorf("an idle worker asked the queue %d times in an hour, want two looks every 2s", q.asked)
			}
		})
	})
}

func TestTwoWorkersDeliverEachEventOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, seen := newQueue(), &arrivals{}
		for i := range 50 {
			q.add(hook(core.WebhookID(i+1), home), 10)
		}
		for range 2 {
			start(t, webhook.Options{Queue: q, Workers: 8, Client: receive(func(r *http.Request) *http.Response {
				time.Sleep(time.Second)
				seen.note(r)
				return answer(200)
			})})
		}
		q.wait(500)
		got, want := seen.seen(), q.ids()
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("arrivals (-events, +arrived):\n%s", diff)
		}
		order := map[core.WebhookID]time.Time{}
		for id := range core.DeliveryID(500) {
			e := q.get(id + 1)
			if at := e.tries[0].At; at.Before(order[e.Webhook]) {
				t.Errorf("delivery %d was sent before an earlier one of its webhook", e.ID)
			} else {
				order[e.Webhook] = at
			}
		}
	})
}

func TestQueueThatFailsIsAskedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, log := newQueue(), &lines{}
		q.fails = core.Errorf(core.Unavailable, "the database is away")
		q.add(hook(1, home), 1)
		start(t, webhook.Options{Queue: q, Log: log.logger(), Client: receive(func(*http.Request) *http.Response { return answer(200) })})
		time.Sleep(time.Minute)
		q.set(func(q *queue) { q.fails = nil })
		q.wait(1)
		if n := strings.Count(log.String(), "webhook queue fails"); n != 1 {
			t.Errorf("a minute's failure was logged %d times, want once:\n%s", n, log)
		}
		if !strings.Contains(log.String(), "webhook queue is back") {
			t.Errorf("the queue's return was not logged:\n%s", log)
		}
	})
}

// The try was made. While the store is away for a moment, its record waits,
// for without it the try would be made again.
func TestRecordWaitsForTheStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, seen := newQueue(), &arrivals{}
		q.recordFails = core.Errorf(core.Unavailable, "the database is away")
		q.add(hook(1, home), 1)
		start(t, webhook.Options{Queue: q, Client: receive(func(r *http.Request) *http.Response {
			seen.note(r)
			return answer(200)
		})})
		time.Sleep(10 * time.Second)
		q.set(func(q *queue) { q.recordFails = nil })
		q.wait(1)
		time.Sleep(time.Hour)
		if n := len(seen.seen()); n != 1 {
			t.Errorf("the receiver got %d requests, want 1", n)
		}
	})
}

// Where the record fails for good, the delivery is due again when its lease
// runs out, and not before.
func TestTryThatCannotBeRecordedIsRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, seen, log := newQueue(), &arrivals{}, &lines{}
		q.recordFails = errors.New("cannot be stored")
		q.add(hook(1, home), 1)
		start(t, webhook.Options{Queue: q, Log: log.logger(), Client: receive(func(r *http.Request) *http.Response {
			seen.note(r)
			return answer(200)
		})})
		time.Sleep(time.Second / 2)
		if !strings.Contains(log.String(), "webhook try not recorded") {
			t.Errorf("the failure was not logged at once:\n%s", log)
		}
		time.Sleep(100 * time.Second)
		if n := len(seen.seen()); n != 3 {
			t.Errorf("in 100s the receiver got %d requests, want one for each lease of 45s", n)
		}
	})
}

// A try must not outlive its lease, whatever the client's limits: another
// process takes the delivery then.
func TestTryEndsBeforeItsLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		q.add(hook(1, home), 1)
		client := receive(func(*http.Request) *http.Response { return nil })
		client.Timeout = 0
		start(t, webhook.Options{Queue: q, Client: client, Lease: 8 * time.Second})
		q.wait(1)
		if a := q.only(t, 1); a.Duration != 7*time.Second || a.Reason != "no reply in time" {
			t.Errorf("record = %+v, want no reply in time after 7s of a lease of 8s", a)
		}
	})
}

func TestDefectCostsOneTryAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, seen, log := newQueue(), &arrivals{}, &lines{}
		for i := range 3 {
			q.add(hook(core.WebhookID(i+1), home), 1)
		}
		o := webhook.Options{Queue: q, Log: log.logger(), Client: receive(func(r *http.Request) *http.Response {
			seen.note(r)
			return answer(200)
		})}
		o.Render = func(p core.Parcel, attempt int, at time.Time) ([]byte, error) {
			switch p.ID {
			case 1:
				panic("defect")
			case 2:
				return nil, errors.New("no words for it")
			}
			return render(p, attempt, at)
		}
		start(t, o)
		q.wait(3)
		for id := range core.DeliveryID(2) {
			if a := q.only(t, id+1); a.Reason != "the request could not be made" || a.Status != 0 {
				t.Errorf("record = %+v, want that the request could not be made", a)
			}
		}
		if got, want := seen.seen(), q.ids()[2:]; !slices.Equal(got, want) {
			t.Errorf("arrived: %v, want %v alone", got, want)
		}
		if text := log.String(); !strings.Contains(text, "panic: defect") || !strings.Contains(text, "no words for it") {
			t.Errorf("the log lacks the defects:\n%s", text)
		}
	})
}

// counts gives the number of tries by outcome and status.
func counts(t *testing.T, from prometheus.Gatherer) []string {
	t.Helper()
	families, err := from.Gather()
	if err != nil || len(families) != 1 {
		t.Fatalf("Gather = %v, %v, want one metric", families, err)
	}
	var out []string
	for _, m := range families[0].GetMetric() {
		out = append(out, fmt.Sprint(m.GetLabel()[0].GetValue(), " ", m.GetLabel()[1].GetValue(), " ", m.GetHistogram().GetSampleCount()))
	}
	return out
}

func TestMetricsCountTries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		q := newQueue()
		q.add(hook(1, home), 3)
		statuses := []int{200, 500, 204}
		var n atomic.Int32
		start(t, webhook.Options{Queue: q, Metrics: webhook.NewMetrics(registry), Client: receive(func(*http.Request) *http.Response {
			return answer(statuses[n.Add(1)-1])
		})})
		q.wait(3)
		want := []string{"delivered 2xx 2", "failed 5xx 1"}
		if diff := cmp.Diff(want, counts(t, registry)); diff != "" {
			t.Errorf("counted (-want, +got):\n%s", diff)
		}
	})
}
