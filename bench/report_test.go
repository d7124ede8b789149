package main

import (
	"strings"
	"testing"
	"time"
)

// TestCells holds the table to what it may claim: what failed has no rate and
// meets no target.
func TestCells(t *testing.T) {
	t.Parallel()
	fast := result{rate: 4000, p99: 4 * time.Millisecond}
	slow := result{rate: 400, p99: 40 * time.Millisecond}
	failed := result{rate: 4000, failed: 3, sample: "503 later"}
	bare := result{rate: 5000}
	all := target{ratio: 0.6, rate: 3500, p99: 5 * time.Millisecond, at: 8}
	for _, c := range []struct {
		name      string
		got, bare result
		target    target
		n         int
		want      string // the columns of floor, CPU, bytes, ratio and target
	}{
		{"all met", fast, bare, all, 32, "5000|0s||0.80|0.6 of the floor, 3500/s"},
		{"rate counts on 32 connections", slow, bare, target{rate: 3500}, 8, "5000|0s||0.08|"},
		{"too slow", slow, bare, all, 32, "5000|0s||0.08|0.6 of the floor, 3500/s: **short**"},
		{"too late", slow, result{}, target{p99: 5 * time.Millisecond, at: 8}, 8, "||||p99 5ms: **short**"},
		{"late, where it does not count", slow, result{}, target{p99: 5 * time.Millisecond, at: 8}, 32, "||||"},
		{"failed", failed, bare, all, 32, "5000|0s|||0.6 of the floor, 3500/s: **short**"},
		{"failed floor", fast, failed, target{ratio: 0.6}, 1, "FAILED (3: 503 later)||||0.6 of the floor: **short**"},
		{"no floor where one is needed", fast, result{}, target{ratio: 0.6}, 1, "||||0.6 of the floor: **short**"},
		{"nothing asked", fast, bare, target{}, 32, "5000|0s||0.80|"},
	} {
		if got := strings.Join(c.got.against(c.bare, c.target, c.n), "|"); got != c.want {
			t.Errorf("%s: columns are %q, want %q", c.name, got, c.want)
		}
	}
	if got := failed.columns()[0]; got != "FAILED (3: 503 later)" {
		t.Errorf("a failed cell says %q", got)
	}
	if got := (result{}).columns()[0]; got != "FAILED (0: nothing came back)" {
		t.Errorf("an empty cell says %q", got)
	}
}

// TestMedian takes the middle, and never hides a failure.
func TestMedian(t *testing.T) {
	t.Parallel()
	if got := median([]result{{rate: 3}, {rate: 1}, {rate: 2}}); got.rate != 2 {
		t.Errorf("median = %v, want 2", got.rate)
	}
	if got := median([]result{{rate: 3}, {rate: 1, failed: 1}, {rate: 2}}); got.failed != 1 {
		t.Errorf("median = %+v, want the one that failed", got)
	}
}
