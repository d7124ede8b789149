package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"keyrack/test/rig"
)

// compare runs each row on keyrack and on the floor, in turn.
func (o options) compare(ctx context.Context, p rig.Program, store string, w world, r *report) error {
	s, err := p.Serve()
	if err != nil {
		return err
	}
	defer s.Stop()
	if err := w.enter(ctx, s.HTTP); err != nil {
		return err
	}
	f, err := startFloor(store)
	if err != nil {
		return err
	}
	defer f.stop()
	if err := o.yardstick(ctx, p, f, r); err != nil {
		return err
	}
	for _, row := range rows {
		for _, n := range o.connections {
			if o.rows.MatchString(row.name) {
				o.cell(ctx, s, f, n, w, row, r)
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	if err := o.visits(ctx, s, f, r); err != nil {
		return err
	}
	return o.checks(ctx, s, w, r)
}

func (o options) cell(ctx context.Context, s *rig.Server, f *floor, n int, w world, row row, r *report) {
	ours := func() result { return o.drive(ctx, s.HTTP, s.PID, n, w, row.ask, row.status) }
	floors := func() result { return result{} }
	if row.floor != nil {
		floors = func() result { return o.drive(ctx, f.address, f.cmd.Process.Pid, n, w, row.floor, http.StatusOK) }
	}
	got, bare := o.inTurn(ours, floors)
	if ctx.Err() == nil {
		r.cell(row.name, n, got, bare, row.target)
	}
}

// inTurn measures keyrack and the floor in turn, and gives the median of each.
func (o options) inTurn(ours, floors func() result) (got, bare result) {
	var mine, theirs []result
	for range o.times {
		mine, theirs = append(mine, ours()), append(theirs, floors())
	}
	return median(mine), median(theirs)
}

// median is the result with the median rate, or one that failed.
func median(all []result) result {
	for _, r := range all {
		if r.failed > 0 {
			return r
		}
	}
	slices.SortFunc(all, func(a, b result) int { return cmp.Compare(a.rate, b.rate) })
	return all[len(all)/2]
}

// counter makes every request another one, over all rows and runs.
var counter atomic.Int64

func init() { counter.Store(time.Now().UnixMilli()) }

// drive keeps n connections busy for a while.
func (o options) drive(ctx context.Context, address string, pid, n int, w world, ask func(world, int) request, status int) result {
	c := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		MaxIdleConnsPerHost: n, MaxConnsPerHost: n,
	}}
	defer c.CloseIdleConnections()
	var bytes, replies atomic.Int64
	r := o.busy(ctx, pid, n, func(ctx context.Context) error {
		got, err := send(ctx, c, address, ask(w, int(counter.Add(1))), status)
		bytes.Add(int64(len(got.body)))
		replies.Add(1)
		return err
	})
	r.bytes = bytes.Load() / max(1, replies.Load())
	return r
}

// errOver ends a cell before its time: there is nothing left to do.
var errOver = errors.New("nothing is left to do")

// busy has n workers do one thing after the other, warm for a moment first.
func (o options) busy(ctx context.Context, pid, n int, one func(context.Context) error) (r result) {
	o.work(ctx, n, o.span/10, one)
	before, _ := rig.CPU(pid) // gone, it shows in what follows
	begun := time.Now()
	done := o.work(ctx, n, o.span, one)
	span := time.Since(begun)
	after, _ := rig.CPU(pid)
	r = result{rate: float64(len(done.took)) / span.Seconds(), failed: done.failed, sample: done.sample}
	if len(done.took) == 0 {
		return r
	}
	slices.Sort(done.took)
	r.p50, r.p99 = done.took[len(done.took)/2], done.took[len(done.took)*99/100]
	r.cpu = (after - before) / time.Duration(len(done.took))
	return r
}

// shift is what some workers have done together.
type shift struct {
	mu     sync.Mutex // guards what follows
	took   []time.Duration
	failed int64
	sample string // of what failed
}

// work has n workers do one thing after the other for a span.
func (o options) work(ctx context.Context, n int, span time.Duration, one func(context.Context) error) *shift {
	ctx, cancel := context.WithTimeout(ctx, span)
	defer cancel()
	s := &shift{}
	var group sync.WaitGroup
	for range n {
		group.Go(func() { s.join(ctx, one) })
	}
	group.Wait()
	return s
}

// join works until the time is up. What has begun is finished.
func (s *shift) join(ctx context.Context, one func(context.Context) error) {
	var took []time.Duration
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.took = append(s.took, took...)
	}()
	for ctx.Err() == nil {
		begun := time.Now()
		err := one(context.WithoutCancel(ctx))
		switch {
		case errors.Is(err, errOver):
			return
		case err != nil:
			s.fail(ctx, err)
		default:
			took = append(took, time.Since(begun))
		}
	}
}

// fail counts a failure. What fails at once is not asked a million times.
func (s *shift) fail(ctx context.Context, err error) {
	s.mu.Lock()
	s.failed, s.sample = s.failed+1, err.Error()
	s.mu.Unlock()
	select {
	case <-time.After(5 * time.Millisecond):
	case <-ctx.Done():
	}
}

// reply is what came back.
type reply struct {
	header http.Header
	body   []byte
}

// send asks, and wants a status.
func send(ctx context.Context, c *http.Client, address string, what request, status int) (reply, error) {
	r, err := http.NewRequestWithContext(ctx, what.method, "http://"+address+what.path, strings.NewReader(what.body))
	if err != nil {
		return reply{}, err
	}
	r.Header = what.header
	got, err := c.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err == nil && got.StatusCode != status {
		err = fmt.Errorf("%d %s", got.StatusCode, text)
	}
	return reply{got.Header, text}, err
}
