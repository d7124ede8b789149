package webhook

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"keyrack/internal/core"
)

// Queue is the outbox as the worker sees it; core.Service is one.
type Queue interface {
	// ClaimDeliveries leases up to limit due deliveries to this process: of
	// each webhook the oldest due, none of a webhook that has one leased, and
	// never so many for one receiver that it could take every worker. A lease
	// that runs out makes its delivery due again.
	ClaimDeliveries(ctx context.Context, by core.Actor, lease time.Duration, limit int) ([]core.Parcel, error)
	// RecordAttempt writes the record of one try and, in the same transaction,
	// what follows: delivered, due again at next, or failed; Gone switches the
	// webhook off. next counts only where the try failed and tries are left.
	// Conflict when the try's lease is over and nothing was written.
	RecordAttempt(ctx context.Context, by core.Actor, id core.DeliveryID, a core.Attempt, next time.Time) error
	// NextDelivery tells when something is due next; zero where nothing waits.
	NextDelivery(ctx context.Context, by core.Actor) (time.Time, error)
}

// Render makes the body of a try: the event in the product's words.
type Render func(p core.Parcel, attempt int, requestTime time.Time) ([]byte, error)

// Options is what a [Worker] is built from.
type Options struct {
	Queue     Queue
	Client    *http.Client // as package safedial makes it: bounded in time, following no redirect
	Render    Render
	Log       *slog.Logger
	Now       func() time.Time // nil: time.Now
	Metrics   *Metrics         // nil: nothing is counted
	UserAgent string           // empty: keyrack-webhook

	Workers int           // tries at the same time; zero: 64
	Lease   time.Duration // of a try and its record, longer than Client takes; zero: 45 s
	Poll    time.Duration // how often to look for other processes' events; zero: 2 s
	Grace   time.Duration // what tries under way get to end when the worker stops; zero: 15 s
}

// Worker delivers until it is stopped. Several may run on one queue, in one
// process or in many.
//
// One goroutine, that of Run, claims deliveries; each try has its own. A slot
// is taken before a try begins and given back when it has ended, which wakes
// Run up.
type Worker struct {
	o        Options
	by       core.Actor
	wake     chan struct{} // holds at most one: there may be something to claim
	slots    chan struct{} // holds one for each try under way
	tries    sync.WaitGroup
	troubled bool // the queue failed when it was last asked; Run's alone
}

// claimTimeout bounds how long a queue that hangs can hold up stopping.
const claimTimeout = 5 * time.Second

// New makes a Worker. It does nothing before Run.
func New(o Options) *Worker {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.UserAgent = cmp.Or(o.UserAgent, "keyrack-webhook")
	o.Workers = cmp.Or(o.Workers, 64)
	o.Lease = cmp.Or(o.Lease, 45*time.Second)
	o.Poll = cmp.Or(o.Poll, 2*time.Second)
	o.Grace = cmp.Or(o.Grace, 15*time.Second)
	return &Worker{
		o: o, by: core.System("webhooks"),
		wake: make(chan struct{}, 1), slots: make(chan struct{}, o.Workers),
	}
}

// Wake tells that there may be something to deliver, as after a commit. It
// never blocks.
func (w *Worker) Wake() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Run delivers until ctx is done. Then it claims nothing more and gives the
// tries under way the grace to end. One that is cut off then is not recorded,
// for nobody knows what came of it: it is made again when its lease runs out.
func (w *Worker) Run(ctx context.Context) error {
	tries, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	defer w.o.Client.CloseIdleConnections()
	for ctx.Err() == nil {
		w.wait(ctx, w.claim(ctx, tries))
	}
	w.finish(abort)
	return nil
}

// claim begins a try of what is due, as far as slots are free, and tells how
// long there is nothing more to do.
func (w *Worker) claim(ctx, tries context.Context) time.Duration {
	free := cap(w.slots) - len(w.slots)
	if free == 0 {
		return w.o.Poll
	}
	leaseEnd := w.wall().Add(w.o.Lease)
	// Not under ctx: what was leased just before the stop would else lie until
	// its lease has run out.
	bounded, cancel := context.WithTimeout(tries, claimTimeout)
	defer cancel()
	parcels, err := w.o.Queue.ClaimDeliveries(bounded, w.by, w.o.Lease, free)
	for _, p := range parcels {
		w.start(tries, p, leaseEnd)
	}
	if len(parcels) > 0 {
		return 0 // a short claim may be one receiver's share; the others' come next
	}
	var next time.Time
	if err == nil {
		next, err = w.o.Queue.NextDelivery(ctx, w.by)
	}
	w.noteQueue(ctx, err)
	return w.until(next)
}

// wall is the time of day. A lease is held against it besides the context's
// deadline, which stands still while the machine is suspended.
func (w *Worker) wall() time.Time { return w.o.Now().Round(0) }

// until is how long to wait for what is due at next. What is due already could
// not be claimed, or another process is about to.
func (w *Worker) until(next time.Time) time.Duration {
	if d := next.Sub(w.o.Now()); !next.IsZero() && d > 0 {
		return min(d, w.o.Poll)
	}
	return w.o.Poll
}

// noteQueue logs once when the queue begins to fail and once when it is back.
func (w *Worker) noteQueue(ctx context.Context, err error) {
	if ctx.Err() != nil || (err != nil) == w.troubled {
		return
	}
	w.troubled = err != nil
	if w.troubled {
		w.o.Log.WarnContext(ctx, "webhook queue fails", "err", err)
		return
	}
	w.o.Log.InfoContext(ctx, "webhook queue is back")
}

// wait returns after d, or sooner when it is woken or stopped.
func (w *Worker) wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-w.wake:
	case <-timer.C:
	}
}

func (w *Worker) start(tries context.Context, p core.Parcel, leaseEnd time.Time) {
	w.slots <- struct{}{}
	w.tries.Go(func() {
		defer func() {
			<-w.slots
			w.Wake()
		}()
		lease, cancel := context.WithTimeout(tries, leaseEnd.Sub(w.wall()))
		defer cancel()
		w.deliver(lease, p, leaseEnd.Add(-w.o.Lease/8)) // the rest is for the record
	})
}

// finish waits for the tries under way, and cuts them off after the grace.
func (w *Worker) finish(abort context.CancelFunc) {
	ended := make(chan struct{})
	go func() {
		w.tries.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(w.o.Grace):
		abort()
		<-ended
	}
}

// deliver makes one try and records it.
func (w *Worker) deliver(lease context.Context, p core.Parcel, deadline time.Time) {
	bounded, cancel := context.WithTimeout(lease, deadline.Sub(w.wall()))
	defer cancel()
	if bounded.Err() != nil { // the machine was suspended since the claim
		w.o.Log.InfoContext(lease, "webhook try not begun, its lease is over", "delivery", p.UUID)
		return
	}
	a, err := w.try(bounded, p)
	log := w.o.Log.With("delivery", p.UUID, "webhook", p.Target.UUID, "attempt", a.Number)
	if lease.Err() != nil {
		log.InfoContext(lease, "webhook try cut off")
		return
	}
	w.o.Metrics.observe(a)
	switch {
	case errors.Is(err, errUnsent):
		log.ErrorContext(lease, "webhook request not made", "err", err)
	case a.Reason != "":
		log.InfoContext(lease, "webhook try failed", "status", a.Status, "reason", a.Reason, "err", err)
	default:
		log.DebugContext(lease, "webhook delivered", "status", a.Status)
	}
	w.record(lease, log, p, a)
}

// record writes a try down. A store that cannot answer now is asked again for
// as long as the lease holds: a try that is not recorded is made twice.
func (w *Worker) record(lease context.Context, log *slog.Logger, p core.Parcel, a core.Attempt) {
	next := nextTry(p.Target, a, w.o.Now())
	for {
		err := w.o.Queue.RecordAttempt(lease, w.by, p.ID, a, next)
		switch kind := core.KindOf(err); {
		case err == nil:
			return
		case kind == core.Conflict:
			log.InfoContext(lease, "webhook try not recorded, its lease is over")
			return
		case kind != core.Unavailable || !sleep(lease, time.Second):
			log.ErrorContext(lease, "webhook try not recorded", "err", err)
			return
		}
	}
}

// sleep waits for d and tells whether ctx held that long.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
