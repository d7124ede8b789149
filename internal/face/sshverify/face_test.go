package sshverify_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/face/facetest"
	"keyrack/internal/face/sshverify"
	"keyrack/internal/store"
)

const sessions = "/api/v1/ssh/collect/sessions/"

func sibling(w *world) facetest.Face {
	return facetest.Face{
		Handler: w.api, Routes: w.api.Routes(), ErrorType: "application/problem+json",
		Credential: http.Header{"X-Api-Key": {key}},
	}
}

func TestRefusesStrangers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Pass(time.Hour) // one key has ended
	facetest.RefusesStrangers(t, sibling(w),
		http.Header{"X-Api-Key": {""}},
		http.Header{"X-Api-Key": {endedKey}},
		http.Header{"X-Api-Key": {strings.ToUpper(key)}},
		http.Header{"X-Api-Key": {key + " "}},
		http.Header{"X-Api-Key": {key[:31]}},
		http.Header{"X-Api-Key": {key + "\x00"}},
		http.Header{"X-Api-Key": {"' OR 1=1 --"}},
		http.Header{"X-Api-Key": {"wrong", key}}, // the first one counts
		http.Header{"Authorization": {"Bearer " + key}},
		http.Header{"Cookie": {"x-api-key=" + key}},
	)
}

func TestRefusesUnknown(t *testing.T) {
	t.Parallel()
	facetest.RefusesUnknown(t, sibling(newWorld(t)))
}

func TestEchoesNothing(t *testing.T) {
	t.Parallel()
	facetest.EchoesNothing(t, sibling(newWorld(t)))
}

// open makes a session and gives its id and identifier.
func (w *world) open(t testing.TB, body string) (id, identifier string) {
	t.Helper()
	reply := w.do(t, http.MethodPost, sessions, body)
	var made struct {
		ID         string `json:"id"`
		Identifier string `json:"connection_identifier"`
	}
	if err := json.Unmarshal(reply.Body.Bytes(), &made); err != nil || reply.Code != http.StatusCreated {
		t.Fatalf("POST %s = %d %s", body, reply.Code, reply.Body)
	}
	return made.ID, made.Identifier
}

// Another project's session is not there, in every operation and in every
// spelling of its id, with the same words as one that never was.
func TestOtherProjectsSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, identifier := w.open(t, `{"external_id":"c4nary","multi_connection":true}`)
	random := "0197c3a2-6f1e-7c44-9b0e-3d5a6a1f2b7c"
	operations := []struct{ method, path, body string }{
		{http.MethodGet, "", ""}, {http.MethodHead, "", ""}, {http.MethodPatch, "", `{"external_id":"x"}`}, {http.MethodPut, "", `{"must_confirm":true}`},
		{http.MethodDelete, "", ""}, {http.MethodPost, "complete/", ""},
	}
	for _, op := range operations {
		want := w.do(t, op.method, sessions+random+"/"+op.path, op.body)
		if want.Code != http.StatusNotFound {
			t.Errorf("%s of a session that never was = %d, want 404", op.method, want.Code)
		}
		for _, name := range []string{id, strings.ToUpper(id), "{" + id + "}", "urn:uuid:" + id, strings.ReplaceAll(id, "-", ""), identifier} {
			got := w.do(t, op.method, sessions+strings.NewReplacer("{", "%7B", "}", "%7D").Replace(name)+"/"+op.path, op.body, "x-api-key", otherKey)
			if got.Code != want.Code || got.Body.String() != want.Body.String() {
				t.Errorf("%s %s by another project = %d %s, want %d %s", op.method, name, got.Code, got.Body, want.Code, want.Body)
			}
		}
	}
	if got := w.do(t, http.MethodGet, sessions, "", "x-api-key", otherKey).Body.String(); strings.Contains(got, "c4nary") || !strings.Contains(got, `"total":0`) {
		t.Errorf("list of another project = %s, want nothing", got)
	}
	if got := w.do(t, http.MethodGet, sessions+id+"/", ""); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), `"external_id":"c4nary"`) || !strings.Contains(got.Body.String(), `"pending"`) {
		t.Errorf("session after all that = %d %s, want it as it was", got.Code, got.Body)
	}
}

// An id has one spelling, also for its owner: two would be two cache entries,
// two log lines and two rules in a filter for one thing.
func TestIDsAreOpaque(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, identifier := w.open(t, "{}")
	for _, name := range []string{strings.ToUpper(id), "urn:uuid:" + id, strings.ReplaceAll(id, "-", ""), identifier, "1", "00000000-0000-0000-0000-000000000000"} {
		if got := w.do(t, http.MethodGet, sessions+name+"/", ""); got.Code != http.StatusNotFound {
			t.Errorf("GET session %s = %d %s, want 404", name, got.Code, got.Body)
		}
	}
}

// What only the server may say is refused from clients.
func TestFieldsOfTheServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, _ := w.open(t, "{}")
	before := w.do(t, http.MethodGet, sessions+id+"/", "").Body.String()
	for _, field := range []string{
		"id", "status", "connection_identifier", "connections", "created_at", "updated_at", "project_id", "project", "kind",
		"tenant_id", "owner", "role", "verified", "verified_at", "is_admin", "keys", "uuid", "identifier",
	} {
		body := fmt.Sprintf(`{%q: "completed"}`, field)
		for method, path := range map[string]string{http.MethodPost: sessions, http.MethodPatch: sessions + id + "/", http.MethodPut: sessions + id + "/"} {
			if got := w.do(t, method, path, body); got.Code != http.StatusUnprocessableEntity {
				t.Errorf("%s with %s = %d %s, want 422", method, body, got.Code, got.Body)
			}
		}
	}
	if after := w.do(t, http.MethodGet, sessions+id+"/", "").Body.String(); after != before {
		t.Errorf("session after all that = %s, want %s", after, before)
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *sshverify.Options) { o.RatePerMinute = 3 })
	for range 10 { // strangers use up nothing
		w.do(t, http.MethodGet, sessions, "", "x-api-key", "wrong")
	}
	for n := range 3 {
		if got := w.do(t, http.MethodGet, sessions, ""); got.Code != http.StatusOK {
			t.Fatalf("request %d = %d, want 200", n, got.Code)
		}
	}
	for method, path := range map[string]string{http.MethodGet: sessions, http.MethodPost: sessions, http.MethodDelete: sessions + "x/"} {
		got := w.do(t, method, path, "{", "X-Forwarded-For", "203.0.113.9")
		want := `{"$schema":"` + baseURL + `/schemas/ErrorModel.json","title":"Too Many Requests","status":429,"detail":"Rate limit of the project exceeded"}` + "\n"
		if got.Code != http.StatusTooManyRequests || got.Header().Get("Retry-After") != "20" || got.Body.String() != want {
			t.Errorf("%s after the limit = %d, Retry-After %q, %s; want 429, 20, %s", method, got.Code, got.Header().Get("Retry-After"), got.Body, want)
		}
	}
	if got := w.do(t, http.MethodGet, sessions, "", "x-api-key", endedKey); got.Code != http.StatusTooManyRequests {
		t.Errorf("another key of the project = %d, want 429 too", got.Code)
	}
	if got := w.do(t, http.MethodGet, sessions, "", "x-api-key", otherKey); got.Code != http.StatusOK {
		t.Errorf("another project = %d, want 200", got.Code)
	}
	w.Pass(20 * time.Second)
	if got := w.do(t, http.MethodGet, sessions, ""); got.Code != http.StatusOK {
		t.Errorf("after the wait = %d, want 200", got.Code)
	}
}

func TestExpiredAsPending(t *testing.T) {
	t.Parallel()
	for asPending, want := range map[bool]string{false: `"status":"expired"`, true: `"status":"pending"`} {
		w := newWorld(t, func(o *sshverify.Options) { o.ExpiredAsPending = asPending })
		id, _ := w.open(t, `{"timeout":60}`)
		w.Pass(time.Minute)
		for _, path := range []string{sessions, sessions + id + "/"} {
			if got := w.do(t, http.MethodGet, path, "").Body.String(); !strings.Contains(got, want) {
				t.Errorf("with ExpiredAsPending %v GET %s = %s, want %s", asPending, path, got, want)
			}
		}
	}
}

// Nothing of the inside shows when the store fails.
func TestInternalErrorsStayInside(t *testing.T) {
	t.Parallel()
	db, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "closed.db")})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(o *sshverify.Options) { o.Core = core.New(core.Options{Store: db}) })
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	got := w.do(t, http.MethodGet, sessions, "")
	if got.Code != http.StatusInternalServerError && got.Code != http.StatusServiceUnavailable {
		t.Errorf("GET on a closed store = %d, want a server's error", got.Code)
	}
	for _, inside := range []string{"sql", "closed", "database", "bun"} {
		if strings.Contains(strings.ToLower(got.Body.String()), inside) {
			t.Errorf("GET on a closed store says %s", got.Body)
		}
	}
}

// Who completes and deletes at once with others gets one success.
func TestOneOfManyCompletes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, _ := w.open(t, `{"multi_connection":true}`)
	for _, op := range []struct {
		method, path string
		win, lose    int
	}{{http.MethodPost, id + "/complete/", 200, 409}, {http.MethodDelete, id + "/", 204, 404}} {
		var mu sync.Mutex
		count := map[int]int{}
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				code := w.do(t, op.method, sessions+op.path, "").Code
				mu.Lock()
				defer mu.Unlock()
				count[code]++
			})
		}
		all.Wait()
		if count[op.win] != 1 || count[op.lose] != 7 {
			t.Errorf("%s at once = %v, want one %d and else %d", op.method, count, op.win, op.lose)
		}
	}
}

// Whatever a body is made of, it is the client's fault.
func TestHostileBodies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, _ := w.open(t, `{"external_id":"as it was"}`)
	before := w.do(t, http.MethodGet, sessions+id+"/", "").Body.String()
	for name, body := range map[string]string{
		"10 MiB of text":     `{"external_id":"` + strings.Repeat("a", 10<<20) + `"}`,
		"1,000,000 members":  `{"a":0` + strings.Repeat(`,"a":0`, 1_000_000) + "}",
		"10,000 twice":       `{"external_id":"a"` + strings.Repeat(`,"external_id":"a"`, 10_000) + "}",
		"10,000 webhooks":    `{"webhooks":[0` + strings.Repeat(",0", 10_000) + "]}",
		"10,000 deep arrays": `{"webhooks":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + "}",
		"5,000 deep objects": `{"external_id":` + strings.Repeat(`{"a":`, 5_000) + "1" + strings.Repeat("}", 5_000) + "}",
		"NUL":                `{"external_id":"a\u0000"}`,
		"invalid UTF-8":      "{\"external_id\":\"\xff\"}",
		"lone surrogate":     `{"external_id":"\udc00"}`,
		"byte order mark":    "\ufeff{}",
		"not a number":       `{"timeout":NaN}`,
		"number without end": `{"timeout":1` + strings.Repeat("0", 10_000) + "}",
		"nothing":            "",
		"a form":             "external_id=a&multi_key=true",
		"two objects":        "{} {}",
	} {
		for method, path := range map[string]string{http.MethodPost: sessions, http.MethodPatch: sessions + id} {
			if got := w.do(t, method, path, body); got.Code < 400 || got.Code > 499 || got.Body.Len() > 4<<10 {
				t.Errorf("%s of %s = %d %.200s, want 4xx and few words", method, name, got.Code, got.Body)
			}
		}
	}
	if after := w.do(t, http.MethodGet, sessions+id+"/", "").Body.String(); after != before {
		t.Errorf("session after all that = %s, want %s", after, before)
	}
	if list := w.do(t, http.MethodGet, sessions, "").Body.String(); !strings.Contains(list, `"total":1,`) {
		t.Errorf("list after all that = %s, want one session", list)
	}
}

// Core says what is too long; here it shows that each bound is a 400 with its place.
func TestBounds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, tt := range map[string]struct {
		member, fits, breaks string
	}{
		"external id in characters": {"external_id", strings.Repeat("é", 255), strings.Repeat("é", 256)},
		"banner in bytes":           {"ssh_banner", strings.Repeat("é", 2048), strings.Repeat("é", 2048) + "x"},
		"message in bytes":          {"ssh_message", strings.Repeat("x", 4096), strings.Repeat("x", 4097)},
	} {
		if got := w.do(t, http.MethodPost, sessions, fmt.Sprintf(`{%q:%q}`, tt.member, tt.fits)); got.Code != http.StatusCreated {
			t.Errorf("%s: what fits = %d %s, want 201", name, got.Code, got.Body)
		}
		got := w.do(t, http.MethodPost, sessions, fmt.Sprintf(`{%q:%q}`, tt.member, tt.breaks))
		if got.Code != http.StatusBadRequest || !strings.Contains(got.Body.String(), `"location":"body.`+tt.member+`"`) {
			t.Errorf("%s: what does not = %d %s, want 400 at body.%s", name, got.Code, got.Body, tt.member)
		}
	}
}
