package raidboxes

import (
	"cmp"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/face"
	"keyrack/internal/lru"
)

// Limits is how much one may do in a minute: an account, or an address that no
// account is known of.
type Limits struct {
	Logins   int // log in and refresh; zero: 10
	Requests int // list and delete; zero: 100
	Creates  int // zero: 20
}

// group is a group of routes with one limit.
type group uint8

const (
	authentication group = iota
	general
	creation
)

// groupOf tells by its route which limit a request is counted against. What is
// no route is counted with the rest.
func groupOf(r *http.Request) group {
	switch r.Pattern {
	case "POST /v1/login", "POST /v1/refresh-token":
		return authentication
	case "POST /v1/ssh-keys":
		return creation
	}
	return general
}

// counter is one count: of a group's requests by an account or an address.
type counter struct {
	group   group
	account core.AccountID
	address netip.Prefix
}

// window is a minute in which requests are counted. It begins with the first
// of them, as Laravel's do: so the reset that clients are told is exact.
type window struct {
	used int
	ends time.Time
}

// quota is what a request is told of its limit.
type quota struct {
	limit, remaining int
	reset            time.Time
	wait             time.Duration // until it is worth to try again; zero: granted
}

// throttle counts requests. It keeps the counters that were used last and
// forgets the others, so its memory is bounded.
type throttle struct {
	limits  map[group]int
	mu      sync.Mutex // guards what windows holds
	windows *lru.Cache[counter, window]
}

const keptCounters = 20_000

func newThrottle(l Limits) *throttle {
	return &throttle{windows: lru.New[counter, window](keptCounters), limits: map[group]int{
		authentication: cmp.Or(l.Logins, 10), general: cmp.Or(l.Requests, 100), creation: cmp.Or(l.Creates, 20),
	}}
}

// take uses one request of a counter's.
func (t *throttle) take(c counter, now time.Time) quota {
	t.mu.Lock()
	defer t.mu.Unlock()
	limit := t.limits[c.group]
	w, _ := t.windows.Get(c)
	if !now.Before(w.ends) {
		w = window{ends: now.Add(time.Minute)}
	}
	q := quota{limit: limit, reset: w.ends}
	if w.used >= limit {
		q.wait = w.ends.Sub(now)
		return q
	}
	w.used++
	q.remaining = limit - w.used
	t.windows.Add(c, w)
	return q
}

// headers tell a client of its limit.
func (q quota) headers() http.Header {
	return http.Header{
		"X-RateLimit-Limit":     {strconv.Itoa(q.limit)},
		"X-RateLimit-Remaining": {strconv.Itoa(q.remaining)},
		// The vendor does not say in which form; Unix seconds are Laravel's.
		"X-RateLimit-Reset": {strconv.FormatInt(q.reset.Add(time.Second-1).Unix(), 10)},
	}
}

// network is where an address counts for: itself, or of IPv6 the /64 that one
// client has all to itself.
func network(a netip.Addr) netip.Prefix {
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // no address, as on a Unix socket: all of these together
	}
	return p
}

// count counts a request: against the account that makes it, or against the
// address of one who is nobody yet.
func (p *protocol) count(r *http.Request, by core.Actor) quota {
	c := counter{group: groupOf(r), account: by.Account()}
	if c.account == 0 {
		c.address = network(face.RequestOf(r.Context()).Address)
	}
	return p.throttle.take(c, p.Now())
}

// counted puts a limit in front of a handler, and what is left of it on its
// answer.
func (p *protocol) counted(next face.Handler) face.Handler {
	return func(r *http.Request, by core.Actor) (face.Reply, error) {
		q := p.count(r, by)
		reply, err := face.Reply{}, error(nil)
		if q.wait > 0 {
			err = face.TooMany(q.wait)
		} else {
			reply, err = next(r, by)
		}
		if err != nil {
			face.RequestOf(r.Context()).Err = err
			reply = p.errorReply(r, err)
		}
		return withHeaders(reply, q.headers(), common), nil
	}
}

// uncounted answers one who did not get as far as a handler.
func (p *protocol) uncounted(r *http.Request, err error) face.Reply {
	q := p.count(r, core.Actor{})
	if q.wait > 0 {
		err = face.TooMany(q.wait)
	}
	return withHeaders(p.errorReply(r, err), q.headers(), common)
}

// common is on all answers.
var common = http.Header{"Cache-Control": {"no-cache, private"}}

func withHeaders(reply face.Reply, more ...http.Header) face.Reply {
	if reply.Header == nil {
		reply.Header = http.Header{}
	}
	for _, h := range more {
		for name, values := range h {
			reply.Header[name] = values
		}
	}
	return reply
}
