package sshd

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"keyrack/internal/lru"
)

// limits bounds how many connections are open, in all and from one source.
type limits struct {
	all, perSource int

	mu      sync.Mutex // guards what follows
	open    int
	sources map[netip.Prefix]int // only sources with open connections
}

func newLimits(all, perSource int) *limits {
	return &limits{all: all, perSource: perSource, sources: map[netip.Prefix]int{}}
}

// enter counts a connection in, unless there are too many. It comes before
// claim because a client's address can take time to learn (PROXY protocol).
func (l *limits) enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.all {
		return false
	}
	l.open++
	return true
}

func (l *limits) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
}

// claim counts a connection for its source, unless that has too many.
func (l *limits) claim(source netip.Prefix) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sources[source] >= l.perSource {
		return false
	}
	l.sources[source]++
	return true
}

func (l *limits) release(source netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sources[source]--; l.sources[source] <= 0 {
		delete(l.sources, source)
	}
}

// keptSources is how many sources are remembered: those heard of last.
const keptSources = 4096

// paces bounds how many connections each source may make in a minute. A source
// that was quiet may make a minute's worth at once.
type paces struct {
	perMinute int

	mu      sync.Mutex // makes look-up and note one step
	sources *lru.Cache[netip.Prefix, *rate.Limiter]
}

func newPaces(perMinute int) *paces {
	return &paces{perMinute: perMinute, sources: lru.New[netip.Prefix, *rate.Limiter](keptSources)}
}

// allows counts a connection, unless its source has made too many. It goes by
// the clock that never jumps.
func (p *paces) allows(source netip.Prefix) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	of, ok := p.sources.Get(source)
	if !ok {
		of = rate.NewLimiter(rate.Limit(float64(p.perMinute)/60), p.perMinute)
		p.sources.Add(source, of)
	}
	return of.Allow()
}

// sourceOf gives what is counted as one source: an IPv4 address, or the /64 of
// an IPv6 address, of which any subscriber has 2^64 addresses.
func sourceOf(addr netip.Addr) netip.Prefix {
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	prefix, _ := addr.Prefix(bits) // fails for no address at all; the zero prefix is then their common source
	return prefix
}

// hush lets one event a minute through for each source, so that a scanner
// cannot fill the log.
type hush struct {
	mu   sync.Mutex // makes look-up and note one step
	last *lru.Cache[netip.Prefix, time.Time]
}

const hushFor = time.Minute

func newHush() *hush { return &hush{last: lru.New[netip.Prefix, time.Time](keptSources)} }

func (h *hush) passes(source netip.Prefix, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if last, ok := h.last.Get(source); ok && now.Sub(last).Abs() < hushFor {
		return false
	}
	h.last.Add(source, now)
	return true
}
