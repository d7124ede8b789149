package raidboxes

import (
	"strings"
	"testing"
	"time"
)

// The rule of Laravel's ValidationException: messages are counted, not fields.
func TestSummary(t *testing.T) {
	t.Parallel()
	one, two := message{"a"}, message{"b"}
	for want, d := range map[string]details{
		"The given data was invalid.": {},
		"a":                           {Code: []message{one}},
		"a (and 1 more error)":        {Title: []message{one}, Key: []message{two}},
		"b (and 1 more error)":        {Title: []message{two, one}},
		"b (and 2 more errors)":       {Password: []message{one}, Email: []message{two, one}},
		"a (and 4 more errors)":       {Code: []message{two}, Password: []message{two}, Email: []message{two}, Key: []message{two}, Title: []message{one}},
	} {
		if got := d.summary(); got != want {
			t.Errorf("summary of %+v = %q, want %q", d, got, want)
		}
	}
}

func TestDelayGrows(t *testing.T) {
	t.Parallel()
	last := time.Duration(-1)
	for n := range 100 {
		d := delay(n)
		if d < last || d > longestDelay || n > 0 && d == 0 {
			t.Errorf("delay(%d) = %v after %v", n, d, last)
		}
		last = d
	}
	if last != longestDelay {
		t.Errorf("delay ends at %v, want %v", last, longestDelay)
	}
}

func TestTimestamp(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 15, 5, 9, 987654321, time.FixedZone("CET", 3600))
	if got, want := timestamp(at), "2026-11-22T14:05:09+00:00"; got != want {
		t.Errorf("timestamp = %q, want %q", got, want)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "{}": "", `{"create_id":"uuid","strict_content_type":true,"shared_keys":"refuse"}`: "",
		`{"create_id":"long"}`:          "create_id must be",
		`{"shared_keys":"yes"}`:         "shared_keys must be",
		`{"create-id":"uuid"}`:          "unknown field",
		`{"strict_content_type":"yes"}`: "cannot unmarshal",
		"no JSON":                       "invalid character",
	} {
		err := CheckSettings(text)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("CheckSettings(%s) = %v, want %q", text, err, want)
		}
	}
}
