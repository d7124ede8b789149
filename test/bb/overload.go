package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"keyrack/test/rig"
)

// way is how requests come.
type way struct {
	name  string
	lines int  // at most, at once
	fresh bool // each request has one for itself
}

// overload is L6: four times as many requests as were measured to be possible,
// on a fixed schedule, whatever becomes of those before, over lines that are
// kept, as a proxy has them.
//
// The same is done once more with a connection for each request, and four times
// what was possible so. Making them takes the generator more than one of two
// cores, which the server lacks, so that its goodput and its times say little
// there; what is refused, forgotten or piled up is held to the same limits.
func overload(b *trial) {
	p := b.peopled()
	s := b.serve(p)
	kept, fresh := way{"kept", 1000, false}, way{"new", 4000, true}
	t := b.overloaded(s, kept)
	least(b, "goodput", t.goodput, 0.7)
	most(b, "accepted_p99", t.quantile(0.99), time.Second)
	most(b, "livez_slowest", t.livez, 200*time.Millisecond)
	t = b.overloaded(s, fresh)
	b.note("new_goodput=%.2f,new_accepted_p99=%s,new_livez_slowest=%s", t.goodput, show(t.quantile(0.99)), show(t.livez))
	peak, err := rig.PeakRSS(s.PID)
	b.must(err)
	most(b, "rss_mib", peak>>20, 512)
}

// excess is what became of too many requests.
type excess struct {
	*tally
	goodput float64 // sessions made, as a part of what was possible
	livez   time.Duration
}

func (b *trial) overloaded(s *rig.Server, w way) excess {
	const try = 5 * time.Second
	before := b.closedLoop(s.HTTP, w, try)
	capacity := float64(before.done) / try.Seconds()
	watching, stop := context.WithCancel(b)
	alive := &tally{}
	var watcher sync.WaitGroup
	watcher.Go(func() { b.watch(watching, s.HTTP, alive) })
	begun, spent := time.Now(), b.cpu(s)
	t := b.openLoop(s.HTTP, w, 4*capacity, sized(b, 10*time.Second, time.Minute))
	took := time.Since(begun)
	cores := (b.cpu(s) - spent).Seconds() / took.Seconds()
	stop()
	watcher.Wait()
	most(b, w.name+"_wrong", t.wrong+alive.wrong+alive.refused, 0)
	most(b, w.name+"_back", b.calm(s.HTTP, w, before.quantile(0.99)), 10*time.Second)
	b.note("%s_capacity=%.0f,refused=%d,took=%s,server_cores=%.2f", w.name, capacity, t.refused, show(took), cores)
	b.show(t)
	return excess{tally: t, goodput: float64(t.done) / took.Seconds() / capacity, livez: alive.slowest}
}

func (b *trial) cpu(s *rig.Server) time.Duration {
	spent, err := rig.CPU(s.PID)
	b.must(err)
	return spent
}

// watch asks whether the server lives, until ctx is done.
func (b *trial) watch(ctx context.Context, address string, t *tally) {
	for ctx.Err() == nil {
		t.take(ask(context.WithoutCancel(ctx), patient, address, call{method: http.MethodGet, path: "/livez"}), http.StatusOK)
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// calm tells how long it takes until answers take no more than twice as long
// as they did before.
func (b *trial) calm(address string, w way, before time.Duration) time.Duration {
	for begun := time.Now(); ; {
		after := time.Since(begun)
		t := b.closedLoop(address, w, time.Second)
		if t.quantile(0.99) < 2*before && t.wrong+t.refused == 0 || after > 20*time.Second {
			return after
		}
	}
}

// closedLoop makes sessions for some time by 32 clients, each as soon as it is
// answered.
func (b *trial) closedLoop(address string, w way, span time.Duration) *tally {
	end := time.Now().Add(span)
	return b.clients(address, w, 32, func() (time.Time, bool) {
		now := time.Now()
		return now, now.Before(end)
	})
}

// openLoop makes so many sessions a second. Where all lines are taken the next
// waits for one, as in a proxy, and counts from when it was due.
func (b *trial) openLoop(address string, w way, rate float64, span time.Duration) *tally {
	due := make(chan time.Time, int(rate*span.Seconds())+1)
	go schedule(due, rate, span)
	return b.clients(address, w, w.lines, func() (time.Time, bool) {
		at, more := <-due
		return at, more
	})
}

// schedule tells of each request when it is due.
func schedule(due chan<- time.Time, rate float64, span time.Duration) {
	defer close(due)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	begun := time.Now()
	for n := 0; ; n++ {
		at := time.Duration(float64(n) / rate * float64(time.Second))
		if at > span {
			return
		}
		for time.Since(begun) < at {
			<-tick.C
		}
		due <- begun.Add(at)
	}
}

// clients make sessions, n at a time, as long as there is a next one.
func (b *trial) clients(address string, w way, n int, next func() (due time.Time, more bool)) *tally {
	t := &tally{}
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			c := newClient(address, i, w.fresh)
			defer c.hangUp()
			for due, more := next(); more; due, more = next() {
				r := c.makeSession(b, due.Add(35*time.Second))
				r.took = time.Since(due)
				t.take(r, http.StatusCreated)
			}
		})
	}
	all.Wait()
	return t
}

// lineClient makes one session after the other.
type lineClient struct {
	address string
	number  int // which decides where it comes from
	fresh   bool
	line    *line // nil: none is open
	text    []byte
	id      []byte // the place in text that differs
}

func newClient(address string, number int, fresh bool) *lineClient {
	const id = "############"
	text := newSession("", fmt.Sprintf(`{"external_id": %q}`, id)).text(address)
	end := bytes.LastIndexByte(text, id[0]) + 1
	return &lineClient{address: address, number: number, fresh: fresh, text: text, id: text[end-len(id) : end]}
}

func (c *lineClient) makeSession(ctx context.Context, until time.Time) (r reply) {
	if c.line == nil {
		if c.line, r.err = dial(ctx, c.address, c.number); r.err != nil {
			return r
		}
	}
	copy(c.id, fmt.Appendf(nil, "%0*d", len(c.id), serial.Add(1)))
	r = c.line.ask(c.text, until)
	if c.fresh || r.err != nil {
		c.hangUp()
	}
	return r
}

func (c *lineClient) hangUp() {
	if c.line != nil {
		_ = c.line.Close()
	}
	c.line = nil
}
