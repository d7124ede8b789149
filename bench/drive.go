package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
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
	f, err := startFloor(store)
	if err != nil {
		return err
	}
	defer f.stop()
	r.table()
	for _, row := range rows {
		if !o.rows.MatchString(row.name) {
			continue
		}
		for _, n := range o.connections {
			got := o.drive(ctx, s.HTTP, s.PID, n, w, row.ask, row.status)
			bare := result{}
			if row.floor != nil {
				bare = o.drive(ctx, f.address, f.cmd.Process.Pid, n, w, row.floor, http.StatusOK)
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			r.cell(row.name, n, got, bare, row.target)
		}
	}
	return o.visits(ctx, s, f, r)
}

// counter makes every request another one, over all rows.
var counter atomic.Int64

// drive keeps n connections busy for a while.
func (o options) drive(ctx context.Context, address string, pid, n int, w world, ask func(world, int) request, status int) result {
	c := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		DialContext: fromSomewhere, MaxIdleConnsPerHost: n, MaxConnsPerHost: n,
	}}
	defer c.CloseIdleConnections()
	var bytes atomic.Int64
	r := o.busy(ctx, pid, n, func(ctx context.Context) error {
		size, err := send(ctx, c, address, ask(w, int(counter.Add(1))), status)
		bytes.Store(size)
		return err
	})
	r.bytes = bytes.Load()
	return r
}

// source counts connections.
var source atomic.Uint32

// fromSomewhere connects from another loopback address each time, as clients
// do: some of what they may do is counted by their address.
func fromSomewhere(ctx context.Context, network, address string) (net.Conn, error) {
	n := source.Add(1)
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 1, byte(n>>8), byte(n)|1)}}
	return d.DialContext(ctx, network, address)
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

// send asks and gives the size of the reply's body.
func send(ctx context.Context, c *http.Client, address string, what request, status int) (int64, error) {
	r, err := http.NewRequestWithContext(ctx, what.method, "http://"+address+what.path, strings.NewReader(what.body))
	if err != nil {
		return 0, err
	}
	r.Header = what.header
	reply, err := c.Do(r)
	if err != nil {
		return 0, err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err == nil && reply.StatusCode != status {
		err = fmt.Errorf("%d %s", reply.StatusCode, text)
	}
	return int64(len(text)), err
}
