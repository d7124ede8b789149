package sshd

import (
	"bufio"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// A source that was quiet may make a minute's worth at once, and then as many
// a minute; each source for itself.
func TestPaces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPaces(6)
		one, other := sourceOf(netip.MustParseAddr("192.0.2.1")), sourceOf(netip.MustParseAddr("192.0.2.2"))
		passed := func(n int) (passed int) {
			for range n {
				if p.allows(one) {
					passed++
				}
			}
			return passed
		}
		for _, tt := range []struct {
			after time.Duration
			want  int
		}{{0, 6}, {0, 0}, {9 * time.Second, 0}, {time.Second, 1}, {time.Minute, 6}, {time.Hour, 6}} {
			time.Sleep(tt.after)
			if n := passed(10); n != tt.want {
				t.Errorf("%v later %d of 10 connections pass, want %d", tt.after, n, tt.want)
			}
		}
		if !p.allows(other) {
			t.Error("another source is refused")
		}
	})
}

// Whoever connects again and again is turned away before SSH begins, and counted.
func TestConnectionsAMinute(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.PerMinute = 2 })
	for i, want := range []string{serverVersion + "\r\n", serverVersion + "\r\n", textBusy, textBusy} {
		nc := dialFrom(t, "127.0.0.2", w.addr)
		if line, err := bufio.NewReader(nc).ReadString('\n'); line != want {
			t.Errorf("connection %d is greeted with %q, %v; want %q", i+1, line, err, want)
		}
		_ = nc.Close()
	}
	w.honest(t)
	if n := w.count(outcomeTooOften); n != 2 {
		t.Errorf("%d connections counted as too often, want 2", n)
	}
}
