package sshd

import (
	"net/netip"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
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

const (
	hushFor     = time.Minute
	hushSources = 4096 // remembered; the one heard of longest ago is forgotten first
)

func newHush() *hush {
	last, err := lru.New[netip.Prefix, time.Time](hushSources)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &hush{last: last}
}

func (h *hush) passes(source netip.Prefix, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if last, ok := h.last.Get(source); ok && now.Sub(last).Abs() < hushFor {
		return false
	}
	h.last.Add(source, now)
	return true
}
