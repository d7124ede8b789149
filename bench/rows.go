package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"keyrack/test/rig"
)

// row is one thing that is asked for again and again, of keyrack and of the floor.
type row struct {
	name   string
	status int
	ask    func(w world, n int) request
	floor  func(w world, n int) request // nil: none
	want   float64                      // the part of the floor to reach; 0: none said
}

type request struct {
	method, path, body string
	header             http.Header
}

func get(path string, header http.Header) request {
	return request{method: http.MethodGet, path: path, header: header}
}

func post(path, body string, header http.Header) request {
	return request{method: http.MethodPost, path: path, body: body, header: header}
}

var (
	asHost    = http.Header{"Authorization": {"Bearer hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh"}}
	asProject = http.Header{"X-Api-Key": {"0123456789abcdefghijklmnopqrstuv"}, "Content-Type": {"application/json"}}
	asUser    = http.Header{"Authorization": {"Token 1111111111111111111111111111111111111111"}, "Content-Type": {"application/json"}}
	nobody    = http.Header{}
)

// some picks one of many, neighbours apart.
func some(n, of int) int { return (n * 7919) % of }

func (w world) key(n int) key { return w.keys[some(n, len(w.keys))] }

func hex(id string) string { return strings.ReplaceAll(id, "-", "") }

// newKeyBody is a Waldur request for a new key.
func newKeyBody(n int) string {
	text, err := newKey(2) // Ed25519, which clients make by default
	if err != nil {
		panic(err) // only ECDSA fails
	}
	return fmt.Sprintf(`{"name": "bench %d %s", "public_key": "%s"}`, n, text[len(text)-12:], text)
}

var rows = []row{
	{
		name: "authorized-keys of a login", status: 200, want: 0.8,
		ask: func(w world, n int) request {
			return get(fmt.Sprintf("/api/keyrack/v1/authorized-keys/u%d", some(n, w.owners)), asHost)
		},
		floor: func(w world, n int) request { return get(fmt.Sprintf("/login/u%d", some(n, w.owners)), nobody) },
	},
	{
		name: "key by id (Waldur)", status: 200, want: 0.7,
		ask:   func(w world, n int) request { return get("/api/keys/"+hex(w.key(n).ID)+"/", asUser) },
		floor: func(w world, n int) request { return get("/key/"+w.key(n).ID, nobody) },
	},
	{
		name: "key by fingerprint (Waldur)", status: 200, want: 0.7,
		ask: func(w world, n int) request {
			return get("/api/keys/?fingerprint_sha256="+strings.ReplaceAll(w.key(n).Fingerprint, "+", "%2B"), asUser)
		},
		floor: func(w world, n int) request {
			return get("/fingerprint/"+strings.NewReplacer("/", "_", "+", "-").Replace(strings.TrimPrefix(w.key(n).Fingerprint, "SHA256:")), nobody)
		},
	},
	{
		name: "key create (Waldur)", status: 201, want: 0.6,
		ask:   func(_ world, n int) request { return post("/api/keys/", newKeyBody(n), asUser) },
		floor: func(_ world, n int) request { return post("/key", newKeyBody(n), nobody) },
	},
	{
		name: "session create (SSHVerify)", status: 201,
		ask: func(_ world, n int) request {
			return post("/api/v1/ssh/collect/sessions/", fmt.Sprintf(`{"external_id": "%d"}`, n), asProject)
		},
	},
	{
		name: "API key check (SSHVerify)", status: 200,
		ask: func(world, int) request { return get("/api/v1/auth/info/", asProject) },
	},
	{
		name: "first page of 300 (Waldur)", status: 200,
		ask: func(world, int) request { return get("/api/keys/?page_size=300", asUser) },
	},
	{
		name: "deep page (Waldur)", status: 200,
		ask: func(w world, _ int) request {
			return get(fmt.Sprintf("/api/keys/?page_size=100&page=%d", max(1, w.owners/20)), asUser)
		},
	},
	{
		name: "name contains (Waldur)", status: 200,
		ask: func(w world, n int) request {
			return get(fmt.Sprintf("/api/keys/?name=u%d@host7", some(n, w.owners)), asUser)
		},
	},
	{
		name: "nothing but HTTP", status: 200,
		ask:   func(world, int) request { return get("/livez", nobody) },
		floor: func(world, int) request { return get("/nothing", nobody) },
	},
}

// compare runs each row on keyrack and on the floor, in turn.
func (o options) compare(ctx context.Context, p rig.Program, store string, w world, report *strings.Builder) error {
	s, err := p.Serve()
	if err != nil {
		return err
	}
	defer s.Kill()
	floor, err := startFloor(store)
	if err != nil {
		return err
	}
	defer floor.stop()
	say(report, "| row | connections | requests/s | p50 | p99 | server CPU a request | floor | ratio |")
	say(report, "|---|---|---|---|---|---|---|---|")
	for _, r := range rows {
		if !strings.Contains(r.name, o.rows) {
			continue
		}
		for _, n := range []int{1, 8, 32} {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			got := o.drive(ctx, s.HTTP, s.PID, n, w, r.ask, r.status)
			bare := result{}
			if r.floor != nil {
				bare = o.drive(ctx, floor.address, floor.cmd.Process.Pid, n, w, r.floor, http.StatusOK)
			}
			say(report, "| %s | %d | %s |", r.name, n, got.cells(bare, r.want))
		}
	}
	return o.visits(ctx, s, floor, report)
}

// result is what one cell came to.
type result struct {
	rate     float64
	p50, p99 time.Duration
	cpu      time.Duration // of the server, a request
	failed   int64
	sample   string // of what failed
}

func (r result) cells(bare result, want float64) string {
	text := fmt.Sprintf("%.0f | %s | %s | %s", r.rate, r.p50.Round(10*time.Microsecond), r.p99.Round(10*time.Microsecond), r.cpu.Round(time.Microsecond))
	if bare.rate > 0 {
		text += fmt.Sprintf(" | %.0f | %.2f", bare.rate, r.rate/bare.rate)
		if want > 0 {
			text += fmt.Sprintf(" of %.1f", want)
		}
	} else {
		text += " | | "
	}
	if r.failed > 0 {
		text += fmt.Sprintf(" (%d failed: %.80s)", r.failed, r.sample)
	}
	if bare.failed > 0 {
		text += fmt.Sprintf(" (floor: %d failed: %.80s)", bare.failed, bare.sample)
	}
	return text
}

// counter makes every request another one, over all rows.
var counter atomic.Int64

// drive keeps n connections busy for a while.
func (o options) drive(ctx context.Context, address string, pid, n int, w world, ask func(world, int) request, status int) (r result) {
	c := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: n, MaxConnsPerHost: n}}
	defer c.CloseIdleConnections()
	one := func(ctx context.Context) error { return send(ctx, c, address, ask(w, int(counter.Add(1))), status) }
	return o.busy(ctx, pid, n, one)
}

// busy has n workers do one thing after the other, warm for a moment first.
func (o options) busy(ctx context.Context, pid, n int, one func(context.Context) error) (r result) {
	warm, cancel := context.WithTimeout(ctx, o.span/10)
	o.workers(warm, n, one)
	cancel()
	before, _ := rig.CPU(pid) // gone, it shows in what follows
	ctx, cancel = context.WithTimeout(ctx, o.span)
	defer cancel()
	begun := time.Now()
	took, failed, sample := o.workers(ctx, n, one)
	span := time.Since(begun)
	after, _ := rig.CPU(pid)
	r = result{rate: float64(len(took)) / span.Seconds(), failed: failed, sample: sample}
	if len(took) == 0 {
		return r
	}
	slices.Sort(took)
	r.p50, r.p99 = took[len(took)/2], took[len(took)*99/100]
	r.cpu = (after - before) / time.Duration(len(took))
	return r
}

func (o options) workers(ctx context.Context, n int, one func(context.Context) error) (took []time.Duration, failed int64, sample string) {
	var mu sync.Mutex // guards the results
	var group sync.WaitGroup
	for range n {
		group.Go(func() {
			var mine []time.Duration
			for ctx.Err() == nil {
				begun := time.Now()
				err := one(context.WithoutCancel(ctx))
				if err == nil {
					mine = append(mine, time.Since(begun))
					continue
				}
				mu.Lock()
				failed, sample = failed+1, err.Error()
				mu.Unlock()
				select { // what fails at once is not asked a million times
				case <-time.After(5 * time.Millisecond):
				case <-ctx.Done():
				}
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
		})
	}
	group.Wait()
	return took, failed, sample
}

func send(ctx context.Context, c *http.Client, address string, what request, status int) error {
	r, err := http.NewRequestWithContext(ctx, what.method, "http://"+address+what.path, strings.NewReader(what.body))
	if err != nil {
		return err
	}
	r.Header = what.header
	reply, err := c.Do(r)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err == nil && reply.StatusCode != status {
		return fmt.Errorf("%d %s", reply.StatusCode, text)
	}
	return err
}

// floor is this program as the floor, in a process of its own.
type floor struct {
	cmd          *exec.Cmd
	address, ssh string
}

func startFloor(store string) (*floor, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	f := &floor{cmd: exec.Command(self, "--floor", store)} //nolint:noctx // ourselves; stop ends it
	f.cmd.Stderr = os.Stderr
	f.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := f.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := f.cmd.Start(); err != nil {
		return nil, err
	}
	if _, err := fmt.Fscanln(out, &f.address, &f.ssh); err != nil {
		f.stop()
		return nil, fmt.Errorf("start the floor: %w", err)
	}
	return f, nil
}

func (f *floor) stop() {
	_ = f.cmd.Process.Kill()
	_ = f.cmd.Wait()
}
