package facetest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

// Face is what the checks look at.
type Face struct {
	Handler http.Handler
	Routes  []face.Route
	// Credential is a header that the face takes for somebody's.
	Credential http.Header
	// ErrorType is the media type of the face's errors.
	ErrorType string
	// Same leaves out of an error what differs from one to the next, as its
	// time; nil: nothing does.
	Same func(body string) string
	// TellsPath says that errors name the path they are about.
	TellsPath bool
}

func (f Face) send(t testing.TB, method, target, body string, header http.Header) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	for name, values := range header {
		for _, value := range values {
			r.Header.Add(name, value)
		}
	}
	w := httptest.NewRecorder()
	f.Handler.ServeHTTP(w, r)
	return w
}

func (f Face) same(body string) string {
	if f.Same == nil {
		return body
	}
	return f.Same(body)
}

var parameter = regexp.MustCompile(`\{\w+\}`)

// with gives the path of a route with value for each parameter.
func with(r face.Route, value string) string { return parameter.ReplaceAllString(r.Path, value) }

// RefusesStrangers checks that every route that is not public answers 401, and
// the same, to a request without credentials and to each that is wrong.
func RefusesStrangers(t testing.TB, f Face, wrong ...http.Header) {
	t.Helper()
	asked := 0
	for _, route := range f.Routes {
		if route.Public {
			continue
		}
		asked++
		var first string
		for i, header := range append([]http.Header{{}}, wrong...) {
			w := f.send(t, route.Method, with(route, "1"), "", header)
			if w.Code != http.StatusUnauthorized || w.Header().Get("Content-Type") != f.ErrorType {
				t.Errorf("%s %s for a stranger = %d %s, want 401", route.Method, route.Path, w.Code, w.Header().Get("Content-Type"))
			}
			got := f.same(w.Body.String())
			if i == 0 {
				first = got
			}
			if got != first {
				t.Errorf("%s %s with wrong credentials = %s, want the same as without: %s", route.Method, route.Path, got, first)
			}
		}
	}
	if asked == 0 {
		t.Error("there is no route that asks for credentials")
	}
}

// RefusesUnknown checks that unknown methods and paths are answered in the
// face's own words.
func RefusesUnknown(t testing.TB, f Face) {
	t.Helper()
	for _, route := range f.Routes {
		w := f.send(t, "BREW", with(route, "1"), "", f.Credential)
		if w.Code != http.StatusMethodNotAllowed || !strings.Contains(w.Header().Get("Allow"), route.Method) || w.Header().Get("Content-Type") != f.ErrorType {
			t.Errorf("BREW %s = %d %v, want 405 in the face's words and Allow with %s", route.Path, w.Code, w.Header(), route.Method)
		}
		for _, below := range []string{"/no/such/path", "/no/such/path/"} {
			path := strings.TrimSuffix(with(route, "1"), "/") + below
			if w := f.send(t, route.Method, path, "", f.Credential); w.Code != http.StatusNotFound || w.Header().Get("Content-Type") != f.ErrorType {
				t.Errorf("%s %s = %d %s, want 404 in the face's words", route.Method, path, w.Code, w.Header().Get("Content-Type"))
			}
		}
	}
}

// EchoesNothing checks that no reply repeats what was sent where it does not
// belong: in the path, the query, a header, or the body.
func EchoesNothing(t testing.TB, f Face) {
	t.Helper()
	const canary = "c4naryc4naryc4nary"
	bodies := []string{
		"", canary, `"` + canary + `"`, `{"a":"` + canary,
		`{"headers":{"authorization":["` + canary + `"]}}`,
		`{"multi_key":"` + canary + `","expired_at":"` + canary + `","timeout":"` + canary + `","webhooks":["` + canary + `"],"$schema":"` + canary + `"}`,
		`{"expired_at":"2026-01-01T00:00:00,5` + canary + `"}`,
	}
	for _, route := range f.Routes {
		for _, body := range bodies {
			header := f.Credential.Clone()
			header.Set("X-Request-Id", canary)
			header.Set("Referer", canary)
			value := canary
			if f.TellsPath {
				value = "1"
			}
			target := with(route, value) + "?limit=" + canary + "&offset=" + canary + "&fingerprint=" + canary + "&other=" + canary
			w := f.send(t, route.Method, target, body, header)
			if said := fmt.Sprint(w.Header(), w.Body); strings.Contains(said, canary) {
				t.Errorf("%s %s with body %s repeats what was sent: %s", route.Method, route.Path, body, said)
			}
		}
	}
}

// KnowsKinds checks that errors of every kind have a status of their own right,
// and that what is no error of core's is a 500.
func KnowsKinds(t testing.TB, status func(error) int) {
	t.Helper()
	last := core.Kind(0)
	for kind := last; !strings.HasPrefix(kind.String(), "kind "); kind++ {
		last = kind
		got := status(core.Errorf(kind, "why"))
		if isServers := got >= 500 && got < 600; isServers != (kind == core.Internal || kind == core.Unavailable) || got < 400 {
			t.Errorf("an error of kind %v is status %d", kind, got)
		}
		if kind != core.Internal && got == http.StatusInternalServerError {
			t.Errorf("an error of kind %v has no status of its own", kind)
		}
	}
	if last != core.Unavailable {
		t.Errorf("kinds end at %v, want %v", last, core.Unavailable)
	}
	if got := status(fmt.Errorf("disk on fire")); got != http.StatusInternalServerError {
		t.Errorf("an unknown error is status %d, want 500", got)
	}
}
