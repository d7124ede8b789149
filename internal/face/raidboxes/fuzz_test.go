package raidboxes_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzCreate holds that whatever body is sent gets 201 or a 400 in the face's
// form, whose message follows from its details, and that what was made is
// listed as it was told.
func FuzzCreate(f *testing.F) {
	if seeds, err := filepath.Glob("testdata/fuzz/FuzzCreate/*"); err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	w := newWorld(f, "{}", unlimited)
	token := w.logIn(email, password)
	f.Add(`{"title":"t","key":"`+danaKey+`"}`, "application/json")
	f.Fuzz(func(t *testing.T, body, media string) {
		if len(body) > 64<<10 {
			return
		}
		w.t = t
		reply := w.do(http.MethodPost, "/v1/ssh-keys", body, "Authorization", token, "Content-Type", media)
		switch reply.Code {
		case http.StatusCreated:
			created(t, w, token, reply.Body.Bytes())
		case http.StatusBadRequest:
			refused(t, reply.Body.Bytes())
		default:
			t.Errorf("create %q = %d %s", body, reply.Code, reply.Body)
		}
	})
}

func created(t *testing.T, w *world, token string, body []byte) {
	t.Helper()
	var made struct{ Data map[string]string }
	var list []map[string]string
	all := w.do(http.MethodGet, "/v1/ssh-keys", "", "Authorization", token)
	if json.Unmarshal(body, &made) != nil || json.Unmarshal(all.Body.Bytes(), &list) != nil || len(list) != 1 {
		t.Fatalf("made %s, listed %s", body, all.Body)
	}
	for name, want := range made.Data {
		if list[0][name] != want || !utf8.ValidString(want) || want == "" {
			t.Errorf("%s = %q made, %q listed", name, want, list[0][name])
		}
	}
	if reply := w.do(http.MethodDelete, "/v1/ssh-keys/"+made.Data["id"], "", "Authorization", token); reply.Code != http.StatusNoContent {
		t.Errorf("delete = %d %s", reply.Code, reply.Body)
	}
}

func refused(t *testing.T, body []byte) {
	t.Helper()
	var e struct {
		Message string
		Details map[string][]struct{ Message string }
	}
	if err := json.Unmarshal(body, &e); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	n := 0
	for _, of := range e.Details {
		n += len(of)
	}
	if n == 0 || n > 1 != strings.Contains(e.Message, " more error") {
		t.Errorf("%d messages in %s", n, body)
	}
}

// FuzzLogin holds that no body logs in but with the right password, and that
// all else is refused in the face's form.
func FuzzLogin(f *testing.F) {
	if seeds, err := filepath.Glob("testdata/fuzz/FuzzLogin/*"); err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	w := newWorld(f, "{}", unlimited)
	f.Fuzz(func(t *testing.T, body, media string) {
		if len(body) > 64<<10 || strings.Contains(body, "battery") {
			return
		}
		w.t = t
		reply := w.do(http.MethodPost, "/v1/login", body, "Content-Type", media)
		if reply.Code != http.StatusBadRequest && reply.Code != http.StatusUnauthorized && reply.Code != http.StatusTooManyRequests {
			t.Errorf("login %q = %d %s", body, reply.Code, reply.Body)
		}
	})
}

// FuzzBearer holds that no Authorization but a token of ours is let in.
func FuzzBearer(f *testing.F) {
	if seeds, err := filepath.Glob("testdata/fuzz/FuzzBearer/*"); err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	w := newWorld(f, "{}", unlimited)
	good := w.logIn(email, password)
	f.Fuzz(func(t *testing.T, value string) {
		w.t = t
		reply := w.do(http.MethodGet, "/v1/ssh-keys", "", "Authorization", value)
		if reply.Code != http.StatusUnauthorized && strings.TrimSpace(value) != good {
			t.Errorf("Authorization %q = %d %s", value, reply.Code, reply.Body)
		}
	})
}
