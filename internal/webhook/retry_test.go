package webhook_test

import (
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/webhook"
)

const day = 24 * time.Hour

func TestBackoff(t *testing.T) {
	t.Parallel()
	tests := []struct {
		initial    int64
		multiplier float64
		attempt    int
		want       time.Duration
	}{
		{10, 2, 1, 10 * time.Second},
		{10, 2, 2, 20 * time.Second},
		{10, 2, 3, 40 * time.Second},
		{30, 1.5, 3, 67500 * time.Millisecond},
		{5, 1, 20, 5 * time.Second},
		{10, 2, 14, 81920 * time.Second},
		{10, 2, 15, day},
		{86400, 1, 1, day},
		{86401, 1, 1, day},
		{math.MaxInt64, 1, 1, day},
		{math.MaxInt64, math.MaxFloat64, 1, day},
		{1, math.MaxFloat64, 2, day},
		{1, math.MaxFloat64, math.MaxInt, day},
		{1, math.Inf(1), 3, day},
		{1, math.NaN(), 3, day},
		{0, 0, 1, time.Second},
		{-5, -2, 4, time.Second},
	}
	for _, tt := range tests {
		w := core.Webhook{InitialBackoff: tt.initial, BackoffMultiplier: tt.multiplier}
		if got := webhook.Backoff(w, tt.attempt); got != tt.want {
			t.Errorf("Backoff(%d × %v, %d) = %v, want %v", tt.initial, tt.multiplier, tt.attempt, got, tt.want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 10, 10, 0, 0, 0, time.UTC)
	tests := []struct {
		value string
		want  time.Duration
	}{
		{"120", 2 * time.Minute},
		{" 120 ", 2 * time.Minute},
		{"0", 0},
		{"86400", day},
		{"86401", day},
		{"18446744073709551616", day},
		{"99999999999999999999999", day},
		{"Sun, 10 May 2026 10:02:00 GMT", 2 * time.Minute},
		{"Sunday, 10-May-26 10:02:00 GMT", 2 * time.Minute},
		{"Sun May 10 10:02:00 2026", 2 * time.Minute},
		{"Sun, 10 May 2026 09:59:00 GMT", 0},
		{"Sun, 01 Jan 9999 00:00:00 GMT", day},
		{"", 0},
		{"-1", 0},
		{"+1", 0},
		{"1.5", 0},
		{"1e3", 0},
		{"0x10", 0},
		{"1_0", 0},
		{"soon", 0},
		{"120\x00", 0},
	}
	for _, tt := range tests {
		if got := webhook.RetryAfter(tt.value, now); got != tt.want {
			t.Errorf("RetryAfter(%q) = %v, want %v", tt.value, got, tt.want)
		}
	}
}

func needSeeds(f *testing.F) {
	f.Helper()
	if seeds, err := os.ReadDir(filepath.Join("testdata", "fuzz", f.Name())); err != nil || len(seeds) == 0 {
		f.Fatalf("seeds of %s: %d, %v, want some", f.Name(), len(seeds), err)
	}
}

// FuzzRetryAfter holds what is read to what would be written for it.
func FuzzRetryAfter(f *testing.F) {
	needSeeds(f)
	now := time.Date(2026, 5, 10, 10, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, value string) {
		got := webhook.RetryAfter(value, now)
		if got < 0 || got > day {
			t.Fatalf("RetryAfter(%q) = %v, want between 0 and a day", value, got)
		}
		if got%time.Second != 0 {
			t.Fatalf("RetryAfter(%q) = %v, want whole seconds", value, got)
		}
		seconds := strconv.Itoa(int(got / time.Second))
		date := now.Add(got).Format(http.TimeFormat)
		for _, again := range []string{seconds, date} {
			if back := webhook.RetryAfter(again, now); back != got {
				t.Errorf("RetryAfter(%q) = %v, and of %q %v", value, got, again, back)
			}
		}
	})
}
