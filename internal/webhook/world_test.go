package webhook_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"keyrack/internal/core"
	"keyrack/internal/vault"
	"keyrack/internal/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="

var project = vault.NewSecret(secret)

// hook makes a webhook with the defaults of the interface.
func hook(id core.WebhookID, url string) core.Webhook {
	return core.Webhook{
		ID: id, UUID: uuid.New(), URL: url, Method: "post", InitialBackoff: 10, BackoffMultiplier: 2,
	}
}

// queue is an outbox in memory that keeps the contract.
type queue struct {
	mu          sync.Mutex
	now         func() time.Time
	perReceiver int // deliveries leased for one at a time; zero: any number
	perClaim    int // deliveries a claim gives at most; zero: as many as asked for
	all         []*entry
	gone        map[core.WebhookID]bool
	fails       error  // what the queue answers instead
	recordFails error  // what RecordAttempt answers instead
	asked       int    // calls of all methods
	refused     int    // records that came too late
	claimed     func() // called when deliveries were leased; may be nil

	// recorded gets the id of each try's delivery once it is written down.
	recorded chan core.DeliveryID
}

// entry is one delivery and what came of it.
type entry struct {
	core.Parcel
	tries []core.Attempt
	plan  []time.Duration // from each failed try's record to the next one
}

func newQueue() *queue {
	return &queue{now: time.Now, gone: map[core.WebhookID]bool{}, recorded: make(chan core.DeliveryID, 10000)}
}

var _ webhook.Queue = (*core.Service)(nil)

// add puts n events for a webhook into the outbox.
func (q *queue) add(to core.Webhook, n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for range n {
		q.all = append(q.all, &entry{Parcel: core.Parcel{
			Delivery: core.Delivery{
				ID: core.DeliveryID(len(q.all) + 1), UUID: uuid.New(), Webhook: to.ID,
				Event: core.Event{Kind: core.StatusChangedEvent}, State: core.DeliveryPending, NextAt: q.now(),
			},
			Target: to, Secret: project,
		}})
	}
}

func (q *queue) ClaimDeliveries(_ context.Context, by core.Actor, lease time.Duration, limit int) ([]core.Parcel, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.asked++
	if q.fails != nil || by.Kind() != core.ActorSystem {
		return nil, q.fails
	}
	if q.perClaim > 0 {
		limit = min(limit, q.perClaim)
	}
	busy, held := map[core.WebhookID]bool{}, map[string]int{}
	for _, e := range q.all {
		if q.leased(e) {
			busy[e.Webhook] = true
			held[receiver(e)]++
		}
	}
	var out []core.Parcel
	for _, e := range q.all {
		host := receiver(e)
		full := q.perReceiver > 0 && held[host] >= q.perReceiver
		if len(out) == limit || !q.waits(e) || e.NextAt.After(q.now()) || busy[e.Webhook] || full {
			continue
		}
		e.Lease, e.LeasedUntil = e.Lease+1, q.now().Add(lease)
		busy[e.Webhook] = true
		held[host]++
		out = append(out, e.Parcel)
	}
	if q.claimed != nil && len(out) > 0 {
		q.claimed()
	}
	return out, nil
}

func (q *queue) waits(e *entry) bool { return e.State == core.DeliveryPending && !q.gone[e.Webhook] }

func (q *queue) leased(e *entry) bool { return q.waits(e) && e.LeasedUntil.After(q.now()) }

func receiver(e *entry) string {
	u, err := url.Parse(e.Target.URL)
	if err != nil {
		return ""
	}
	return u.Host
}

func (q *queue) RecordAttempt(_ context.Context, by core.Actor, id core.DeliveryID, a core.Attempt, next time.Time) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.asked++
	if q.fails != nil || q.recordFails != nil || by.Kind() != core.ActorSystem {
		return cmpErr(q.fails, q.recordFails)
	}
	e := q.all[id-1]
	if a.Lease != e.Lease {
		q.refused++
		return core.Errorf(core.Conflict, "the lease is over")
	}
	e.Attempts, e.Lease, e.LeasedUntil = e.Attempts+1, e.Lease+1, time.Time{}
	e.tries = append(e.tries, a)
	switch {
	case a.Reason == "":
		e.State = core.DeliveryDelivered
	case a.Gone || e.Attempts > min(e.Target.Retries, 20):
		e.State = core.DeliveryFailed
		q.gone[e.Webhook] = q.gone[e.Webhook] || a.Gone
	default:
		e.plan = append(e.plan, next.Sub(q.now()))
		e.NextAt = next
	}
	q.recorded <- id
	return nil
}

func cmpErr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (q *queue) NextDelivery(context.Context, core.Actor) (time.Time, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.asked++
	var next time.Time
	for _, e := range q.all {
		due := e.NextAt
		if e.LeasedUntil.After(due) {
			due = e.LeasedUntil
		}
		if q.waits(e) && (next.IsZero() || due.Before(next)) {
			next = due
		}
	}
	return next, q.fails
}

// held counts the leases.
func (q *queue) held() int32 {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := int32(0)
	for _, e := range q.all {
		if q.leased(e) {
			n++
		}
	}
	return n
}

// set changes the queue while a worker runs on it.
func (q *queue) set(change func(*queue)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	change(q)
}

// wait returns the deliveries of the next n tries, as they are recorded.
func (q *queue) wait(n int) []core.DeliveryID { return take(q.recorded, n) }

func take[T any](from <-chan T, n int) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = <-from
	}
	return out
}

// get gives a copy of what the queue knows of a delivery.
func (q *queue) get(id core.DeliveryID) entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := *q.all[id-1]
	e.tries, e.plan = slices.Clone(e.tries), slices.Clone(e.plan)
	return e
}

// only is get for a delivery that had one try.
func (q *queue) only(t *testing.T, id core.DeliveryID) core.Attempt {
	t.Helper()
	e := q.get(id)
	if len(e.tries) != 1 {
		t.Fatalf("tries of delivery %d: %+v, want one", id, e.tries)
	}
	return e.tries[0]
}

func render(p core.Parcel, attempt int, at time.Time) ([]byte, error) {
	return []byte(`{"webhook_invocation_id":"` + p.UUID.String() + `"}`), nil
}

// start runs a worker until the test ends, or the returned function is called.
func start(t *testing.T, o webhook.Options) (w *webhook.Worker, stop func()) {
	t.Helper()
	if o.Render == nil {
		o.Render = render
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w = webhook.New(o)
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v, want no error", err)
		}
	})
	t.Cleanup(stop)
	return w, stop
}

// receive makes a client whose every request is answered by a function: no
// sockets, so that it runs under a clock that stands still.
func receive(answer func(*http.Request) *http.Response) *http.Client {
	return &http.Client{Timeout: 30 * time.Second, Transport: roundTripper(answer)}
}

type roundTripper func(*http.Request) *http.Response

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	if resp := f(r); resp != nil {
		return resp, nil
	}
	<-r.Context().Done() // a receiver that never answers
	return nil, r.Context().Err()
}

func answer(status int, headers ...string) *http.Response {
	r := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(""))}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// lines is a log that can be searched.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *lines) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
