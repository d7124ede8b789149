package face_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

// tick is a clock that goes on by a second whenever it is read.
func tick() func() time.Time {
	now := time.Date(2026, 5, 10, 10, 0, 0, 0, time.UTC)
	return func() time.Time {
		now = now.Add(time.Second)
		return now
	}
}

// guarded runs one request through a guard and gives the reply and what was
// logged.
func guarded(t *testing.T, o face.Options, r *http.Request, next http.HandlerFunc) (*httptest.ResponseRecorder, map[string]any) {
	t.Helper()
	var log bytes.Buffer
	o.Log, o.Now = slog.New(slog.NewJSONHandler(&log, nil)), tick()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /things/{thing}", next)
	fail := func(w http.ResponseWriter, _ *http.Request, _ error) {
		http.Error(w, "our own words", http.StatusInternalServerError)
	}
	reply := httptest.NewRecorder()
	func() {
		defer func() {
			if cause := recover(); cause != nil {
				reply.Code = -1 // what net/http cuts the connection for
			}
		}()
		face.NewGuard("test", o, mux, fail).ServeHTTP(reply, r)
	}()
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("%d lines were logged, want 1:\n%s", n, log.String())
	}
	var line map[string]any
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("log line %q: %v", log.String(), err)
	}
	return reply, line
}

func post(t *testing.T, body string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/things/s3cret-in-path?token=s3cret-in-query", strings.NewReader(body))
	r.Header.Set("X-Api-Key", "s3cret-key")
	r.Header.Set("Authorization", "Bearer s3cret-token")
	r.Header.Set("Cookie", "session=s3cret-cookie")
	r.Header.Set("X-Request-Id", "s3cret\nforged line")
	return r
}

func TestGuardLogsOneLineWithoutSecrets(t *testing.T) {
	t.Parallel()
	reply, line := guarded(t, face.Options{}, post(t, "s3cret body"), func(w http.ResponseWriter, r *http.Request) {
		face.RequestOf(r.Context()).Actor = core.Operator("ada")
		w.WriteHeader(http.StatusTeapot)
	})
	id := reply.Header().Get("X-Request-Id")
	if len(id) != 36 || line["request_id"] != id {
		t.Errorf("X-Request-Id = %q, logged %q; want an id of our own, the same in both", id, line["request_id"])
	}
	delete(line, "time")
	delete(line, "request_id")
	want := map[string]any{
		"level": "INFO", "msg": "request", "face": "test", "route": "POST /things/{thing}", "status": 418.0,
		"duration": 1e9, "actor_kind": "operator", "actor": "ada", "client": "192.0.2.1",
	}
	if diff := cmp.Diff(want, line); diff != "" {
		t.Errorf("log line differs (-want +got):\n%s", diff)
	}
}

// A client's own id is logged, in one form, and not adopted.
func TestGuardLogsTheClientsID(t *testing.T) {
	t.Parallel()
	r := post(t, "")
	r.Header.Set("X-Request-Id", "0B3F0C52-6D0E-4A55-9A3E-3F7A7C1D2E90")
	reply, line := guarded(t, face.Options{}, r, func(http.ResponseWriter, *http.Request) {})
	const theirs = "0b3f0c52-6d0e-4a55-9a3e-3f7a7c1d2e90"
	if line["client_request_id"] != theirs || reply.Header().Get("X-Request-Id") == theirs {
		t.Errorf("client_request_id = %v, X-Request-Id = %q; want theirs logged, and ours told",
			line["client_request_id"], reply.Header().Get("X-Request-Id"))
	}
}

func TestGuardSetsHeaders(t *testing.T) {
	t.Parallel()
	reply, _ := guarded(t, face.Options{}, post(t, ""), func(http.ResponseWriter, *http.Request) {})
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
	} {
		if got := reply.Header().Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if reply.Code != http.StatusOK {
		t.Errorf("a handler that writes nothing = %d, want 200", reply.Code)
	}
}

func TestGuardRecovers(t *testing.T) {
	t.Parallel()
	reply, line := guarded(t, face.Options{}, post(t, ""), func(http.ResponseWriter, *http.Request) {
		panic("the cause stays inside")
	})
	if reply.Code != http.StatusInternalServerError || reply.Body.String() != "our own words\n" {
		t.Errorf("reply after a panic = %d %q, want 500 in the face's words", reply.Code, reply.Body)
	}
	text, _ := line["err"].(string)
	if line["level"] != "ERROR" || !strings.Contains(text, "the cause stays inside") || !strings.Contains(text, "guard_test.go") {
		t.Errorf("log line of a panic = %v, want an error with cause and stack", line)
	}
}

// Half a reply must not look like a whole one.
func TestGuardCutsAReplyThatPanics(t *testing.T) {
	t.Parallel()
	reply, line := guarded(t, face.Options{}, post(t, ""), func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		panic("too late")
	})
	if reply.Code != -1 || reply.Body.String() != "half" {
		t.Errorf("reply = %d %q, want the connection cut after half of it", reply.Code, reply.Body)
	}
	if line["status"] != 200.0 || line["err"] == nil {
		t.Errorf("log line = %v, want the status that was sent, and the cause", line)
	}
}

func TestGuardLevels(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{200: "INFO", 401: "INFO", 404: "INFO", 429: "INFO", 500: "ERROR", 502: "ERROR", 503: "WARN"} {
		_, line := guarded(t, face.Options{}, post(t, ""), func(w http.ResponseWriter, r *http.Request) {
			face.RequestOf(r.Context()).Err = errors.New("why")
			w.WriteHeader(status)
		})
		if line["level"] != want || line["err"] != "why" {
			t.Errorf("log line of a %d = %v, want level %s and why", status, line, want)
		}
	}
}

func TestGuardBoundsBodyAndTime(t *testing.T) {
	t.Parallel()
	_, _ = guarded(t, face.Options{MaxBody: 10, Timeout: time.Nanosecond}, post(t, "twelve bytes"), func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); !ok || tooLarge.Limit != 10 {
			t.Errorf("ReadAll = %q, %v; want an error after 10 bytes", body, err)
		}
		<-r.Context().Done() // or the test hangs
	})
}

// A client that is refused and never sends the body it has announced gets its
// answer all the same: net/http reads what is left first.
func TestGuardBoundsABodyThatNobodyReads(t *testing.T) {
	t.Parallel()
	refuse := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }
	server := httptest.NewServer(face.NewGuard("test", face.Options{Timeout: 10 * time.Millisecond}, http.HandlerFunc(refuse), nil))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	reply, err := http.ReadResponse(bufio.NewReader(conn), nil) // or the test hangs
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusUnauthorized {
		t.Errorf("status %d, want 401", reply.StatusCode)
	}
}

func TestGuardCounts(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	o := face.Options{Metrics: face.NewMetrics(registry)}
	guarded(t, o, post(t, ""), func(http.ResponseWriter, *http.Request) {})
	stray := httptest.NewRequestWithContext(t.Context(), "BREW"+strings.Repeat("X", 100), "/no/such/path", nil)
	stray.Pattern = "/" // as a mux in front leaves it
	guarded(t, o, stray, http.NotFound)
	want := `
# HELP keyrack_http_request_duration_seconds Time from a request's arrival to the end of its reply.
# TYPE keyrack_http_request_duration_seconds histogram
` + histogram(`face="test",route="POST /things/{thing}",status="200"`) + histogram(`face="test",route="unmatched",status="404"`)
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

// histogram is one that has seen one request of a second.
func histogram(labels string) string {
	var b strings.Builder
	const name = "keyrack_http_request_duration_seconds"
	for _, le := range []string{"0.001", "0.005", "0.025", "0.1", "0.5"} {
		b.WriteString(name + "_bucket{" + labels + `,le="` + le + "\"} 0\n")
	}
	for _, le := range []string{"2.5", "10", "+Inf"} {
		b.WriteString(name + "_bucket{" + labels + `,le="` + le + "\"} 1\n")
	}
	b.WriteString(name + "_sum{" + labels + "} 1\n" + name + "_count{" + labels + "} 1\n")
	return b.String()
}

func TestOriginOutsideAGuard(t *testing.T) {
	t.Parallel()
	face.RequestOf(t.Context()).Actor = core.Operator("ada")
	if got := face.RequestOf(t.Context()); got.Actor.Kind() != core.ActorNobody || got.Origin() != (core.Origin{}) {
		t.Errorf("RequestOf outside a guard = %+v, want an empty one", got)
	}
	r := face.Request{Face: "native", Address: netip.MustParseAddr("192.0.2.1")}
	if got := r.Origin(); got != (core.Origin{Face: "native", Address: r.Address}) {
		t.Errorf("Origin = %+v, want native from 192.0.2.1", got)
	}
}
