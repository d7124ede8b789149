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

// overload is L6: four times as many requests as were measured to be possible,
// on a fixed schedule, whatever becomes of those before. They come over
// connections that are kept, as from a proxy, and then each over its own, as from
// curl; each is held to what was possible that way.
func overload(b *trial) {
	p := b.peopled()
	s := b.serve(p)
	for _, way := range []way{{"kept", 1000, false}, {"new", 4000, true}} {
		b.overloaded(s, way)
	}
	peak, err := rig.PeakRSS(s.PID)
	b.must(err)
	most(b, "rss_mib", peak>>20, 512)
}

// way is how requests come.
type way struct {
	name  string
	most  int  // connections at once
	fresh bool // each has one for itself
}

func (b *trial) overloaded(s *rig.Server, way way) {
	usual := b.load(s.HTTP, way, 5*time.Second, nil)
	capacity := float64(usual.done) / 5
	span := sized(b, 10*time.Second, time.Minute)
	watching, stop := context.WithCancel(b)
	alive := &tally{}
	var watcher sync.WaitGroup
	watcher.Go(func() { b.watch(watching, s.HTTP, alive) })
	due := make(chan time.Time, 1_000_000)
	begun, spent := cpus(b, s.PID), 0
	go func() { defer close(due); schedule(due, 4*capacity, span) }()
	t := b.load(s.HTTP, way, time.Hour, due)
	_, _ = begun, spent
	stop()
	watcher.Wait()
	name := way.name + "_"
	least(b, name+"goodput", float64(t.done)/span.Seconds()/capacity, 0.7)
	most(b, name+"accepted_p99", t.quantile(0.99), time.Second)
	most(b, name+"wrong", t.wrong+alive.wrong+alive.refused, 0)
	most(b, name+"livez_slowest", alive.slowest, 200*time.Millisecond)
	most(b, name+"back", b.calm(s.HTTP, way, usual.quantile(0.99)), 10*time.Second)
	b.note("%scapacity=%.0f,%srefused=%d,%sslowest=%s,%susual_p99=%s,cpu=%s", name, capacity, name, t.refused, name, show(t.slowest), name, show(usual.quantile(.99)), show(cpus(b, s.PID)-begun))
	b.show(t)
}

func cpus(b *trial, pid int) time.Duration {
	d, err := rig.CPU(pid)
	b.must(err)
	return d
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

// schedule tells when each of so many requests a second is due, when it is.
func schedule(due chan<- time.Time, rate float64, span time.Duration) {
	begun, n := time.Now(), 0
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		for at := begun; ; n++ {
			at = begun.Add(time.Duration(float64(n) / rate * float64(time.Second)))
			if time.Since(at) < 0 {
				break
			}
			if at.Sub(begun) > span {
				return
			}
			due <- at
		}
	}
}

// load makes sessions: when they are due, over as many connections as the way has
// at most; or, where due is nil, by 32 clients, each as soon as it is answered.
func (b *trial) load(address string, way way, span time.Duration, due <-chan time.Time) *tally {
	t := &tally{}
	ctx, cancel := context.WithTimeout(b, span)
	defer cancel()
	n := way.most
	if due == nil {
		n = 32
		always := make(chan time.Time)
		go func() {
			defer close(always)
			for ctx.Err() == nil {
				always <- time.Now()
			}
		}()
		due = always
	}
	var clients sync.WaitGroup
	for i := range n {
		clients.Go(func() { b.client(i, address, way.fresh, due, t) })
	}
	clients.Wait()
	return t
}

// client makes one session after the other, and notes how long each took from when it was
// due.
func (b *trial) client(i int, address string, fresh bool, due <-chan time.Time, t *tally) {
	var l *line
	const blank = "############"
	text := newSession("", fmt.Sprintf(`{"external_id": %q}`, blank)).text(address)
	number := text[bytes.Index(text, []byte(blank)):][:len(blank)]
	for at := range due {
		if l == nil {
			var err error
			if l, err = dial(b, address, i); err != nil {
				t.take(reply{err: err, took: time.Since(at)}, 0)
				continue
			}
		}
		copy(number, fmt.Appendf(nil, "%012d", serial.Add(1)))
		r := l.ask(text, at.Add(35*time.Second))
		r.took = time.Since(at)
		t.take(r, http.StatusCreated)
		if fresh || r.err != nil {
			_ = l.Close()
			l = nil
		}
	}
	if l != nil {
		_ = l.Close()
	}
}

// calm tells how long it takes until answers take no more than twice as long as before.
func (b *trial) calm(address string, way way, usual time.Duration) time.Duration {
	begun := time.Now()
	for {
		after := time.Since(begun)
		t := b.load(address, way, time.Second, nil)
		if t.quantile(0.99) < 2*usual && t.wrong+t.refused == 0 || after > 20*time.Second {
			return after
		}
	}
}
