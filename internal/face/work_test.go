package face_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"keyrack/internal/face"
)

// bounded is a face that works on one read and one change at once.
func bounded(o face.Options, next http.HandlerFunc) *face.Guard {
	o.Work = face.NewWork(1)
	return face.NewGuard("test", o, next, func(w http.ResponseWriter, _ *http.Request, err error) {
		if errors.Is(err, face.ErrBusy) {
			http.Error(w, "busy", http.StatusServiceUnavailable)
		}
	})
}

func sent(t *testing.T, h http.Handler, method string, body io.Reader) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, "/", body))
	return w
}

// While one is worked on the next is refused, in the face's words, and nothing
// of it is looked at. Reads do not wait for changes.
func TestWorkIsBounded(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	now := time.Date(2026, 5, 10, 10, 0, 0, 0, time.UTC)
	registry := prometheus.NewRegistry()
	o := face.Options{
		Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn})), Now: func() time.Time { return now }, Metrics: face.NewMetrics(registry),
	}
	var g *face.Guard
	entered := 0
	g = bounded(o, func(w http.ResponseWriter, r *http.Request) {
		if entered++; entered > 1 {
			return
		}
		for range 5 {
			if got := sent(t, g, http.MethodPost, nil); got.Code != http.StatusServiceUnavailable || got.Body.String() != "busy\n" {
				t.Errorf("one more = %d %s, want refused in the face's words", got.Code, got.Body)
			}
		}
		if got := sent(t, g, http.MethodGet, nil); got.Code != http.StatusOK || entered != 2 {
			t.Errorf("a read beside a change = %d, %d entered; want it let in, and no other", got.Code, entered)
		}
		if now = now.Add(time.Second); sent(t, g, http.MethodPost, nil).Code != http.StatusServiceUnavailable {
			t.Error("one more was let in a second later")
		}
	})
	for range 2 {
		if got := sent(t, g, http.MethodPost, nil); got.Code != http.StatusOK {
			t.Errorf("one alone = %d, want 200", got.Code)
		}
	}
	if n := strings.Count(log.String(), "\n"); n != 2 || !strings.Contains(log.String(), "refused=1\n") || !strings.Contains(log.String(), "refused=5\n") {
		t.Errorf("the log was told %d times, want once a second how many there were:\n%s", n, log.String())
	}
	want := "# HELP keyrack_http_refused_total Requests that were refused because too many others were worked on.\n" +
		"# TYPE keyrack_http_refused_total counter\nkeyrack_http_refused_total{face=\"test\"} 6\n"
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "keyrack_http_refused_total"); err != nil {
		t.Error(err)
	}
}

// hook is a body during whose parts something happens.
type hook func()

func (h hook) Read([]byte) (int, error) {
	h()
	return 0, io.EOF
}

// Who drips his body, or reads his answer slowly, keeps nobody out.
func TestSlowClientsTakeNoPlace(t *testing.T) {
	t.Parallel()
	var g *face.Guard
	others := func(when string, want int) {
		if got := sent(t, g, http.MethodPut, nil); got.Code != want {
			t.Errorf("another, %s = %d, want %d", when, got.Code, want)
		}
	}
	g = bounded(face.Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			return
		}
		others("before the body is read", http.StatusServiceUnavailable)
		_, _ = io.ReadAll(r.Body)
		others("after the body was read", http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "the beginning")
		others("after the answer began", http.StatusOK)
		_, _ = io.ReadAll(r.Body)
		others("after more was read", http.StatusOK)
	})
	sent(t, g, http.MethodPost, hook(func() { others("while the body arrives", http.StatusOK) }))
	others("at the end", http.StatusOK)
}

// A handler that panics gives its place back.
func TestPanicLeavesWork(t *testing.T) {
	t.Parallel()
	g := bounded(face.Options{}, func(http.ResponseWriter, *http.Request) { panic("why") })
	for range 3 {
		if got := sent(t, g, http.MethodPost, nil); got.Code == http.StatusServiceUnavailable {
			t.Fatal("refused, want the place of one who panicked free again")
		}
	}
}
