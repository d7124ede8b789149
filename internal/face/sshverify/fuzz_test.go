package sshverify_test

import (
	"encoding/json"
	"net/http"
	"os"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"keyrack/internal/face/sshverify"
)

// FuzzCreateBody sends any bytes to create a session. The answer is never a
// server's error; what is accepted is what encoding/json finds in the bytes, and
// reads back the same.
func FuzzCreateBody(f *testing.F) {
	seeds, err := os.ReadDir("testdata/fuzz/FuzzCreateBody")
	if err != nil || len(seeds) == 0 {
		f.Fatalf("there are no seeds: %v", err)
	}
	w := newWorld(f, func(o *sshverify.Options) { o.RatePerMinute = -1 })
	f.Fuzz(func(t *testing.T, body []byte) {
		made := w.do(t, http.MethodPost, sessions, string(body))
		switch {
		case made.Code >= 500:
			t.Fatalf("POST %q = %d %s", body, made.Code, made.Body)
		case made.Code != http.StatusCreated:
			return
		}
		var got created
		if err := json.Unmarshal(made.Body.Bytes(), &got); err != nil {
			t.Fatalf("POST %q = %s: %v", body, made.Body, err)
		}
		if again := w.do(t, http.MethodGet, sessions+got.ID+"/", ""); again.Body.String() != made.Body.String() {
			t.Errorf("POST %q = %s, read back %s", body, made.Body, again.Body)
		}
		if gone := w.do(t, http.MethodDelete, sessions+got.ID+"/", ""); gone.Code != http.StatusNoContent {
			t.Errorf("DELETE of what POST %q made = %d %s", body, gone.Code, gone.Body)
		}
		checkCreated(t, body, got)
	})
}

// created is what comes back of a session.
type created struct {
	ID              string
	ExternalID      *string `json:"external_id"`
	MultiKey        bool    `json:"multi_key"`
	MultiConnection bool    `json:"multi_connection"`
	MustConfirm     bool    `json:"must_confirm"`
	Banner          *string `json:"ssh_banner"`
	Message         *string `json:"ssh_message"`
	ExpiredAt       *string `json:"expired_at"`
	Webhooks        []any
}

// checkCreated holds a reply against its request, read member by member.
func checkCreated(t *testing.T, body []byte, got created) {
	t.Helper()
	var sent map[string]any
	if err := json.Unmarshal(body, &sent); err != nil || !utf8.Valid(body) {
		t.Fatalf("POST %q was accepted: %v", body, err)
	}
	want := created{ID: got.ID, Webhooks: []any{}, ExpiredAt: got.ExpiredAt}
	for name, value := range sent {
		switch name {
		case "external_id":
			want.ExternalID = text(value)
		case "ssh_banner":
			want.Banner = shown(value)
		case "ssh_message":
			want.Message = shown(value)
		case "multi_key":
			want.MultiKey, _ = value.(bool)
		case "multi_connection":
			want.MultiConnection, _ = value.(bool)
		case "must_confirm":
			want.MustConfirm, _ = value.(bool)
		case "webhooks":
			if list, _ := value.([]any); len(list) == len(got.Webhooks) {
				want.Webhooks = got.Webhooks
			}
		case "expired_at", "timeout", "$schema":
		default:
			t.Errorf("POST %q was accepted with member %q", body, name)
		}
	}
	if a, b := marshal(t, got), marshal(t, want); a != b {
		t.Errorf("POST %q made %s, want %s", body, a, b)
	}
	if end := endOf(t, sent); (end == nil) != (got.ExpiredAt == nil) || end != nil && *end != *got.ExpiredAt {
		t.Errorf("POST %q ends at %s, want %s", body, marshal(t, got.ExpiredAt), marshal(t, end))
	}
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func text(value any) *string {
	if s, ok := value.(string); ok {
		return &s
	}
	return nil
}

// shown is a text as it may go to a terminal.
func shown(value any) *string {
	s := text(value)
	if s == nil {
		return nil
	}
	var kept []rune
	for _, r := range *s {
		if r == '\n' || r == '\t' || !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs) && r != '\ufffd' {
			kept = append(kept, r)
		}
	}
	clean := string(kept)
	return &clean
}

// endOf is when a session that was made from sent at the world's start ends.
func endOf(t *testing.T, sent map[string]any) *string {
	t.Helper()
	var end time.Time
	if seconds, ok := sent["timeout"].(float64); ok {
		end = start.Add(time.Duration(seconds) * time.Second)
	} else if at, ok := sent["expired_at"].(string); ok {
		var err error
		if end, err = time.Parse(time.RFC3339, at); err != nil || !end.After(start) {
			t.Errorf("an end at %q was accepted: %v", at, err)
		}
	} else {
		return nil
	}
	s := end.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)
	return &s
}
