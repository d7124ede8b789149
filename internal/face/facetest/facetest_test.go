package facetest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

// witness is a test that only takes note of failures.
type witness struct {
	testing.TB
	failures []string
}

func (w *witness) Helper() {}

func (w *witness) Error(args ...any) { w.failures = append(w.failures, fmt.Sprint(args...)) }

func (w *witness) Errorf(format string, args ...any) {
	w.failures = append(w.failures, fmt.Sprintf(format, args...))
}

const id = "0197c3a2-6f1e-7c44-9b0e-3d5a6a1f2b7c"

func TestCompare(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, want string
		fails      bool
	}{
		{"equal", "200\nX-Known: yes\n\n" + `{"id":"<uuid>","n":1.0,"list":["a",null]}`, false},
		{"name that was bound", "200\n\n" + `{"id":"<uuid:known>","n":1.0,"list":["a",null]}`, false},
		{"name that is bound here", "200\n\n" + `{"id":"<uuid:thing>","n":1.0,"list":["a",null]}`, false},
		{"other header not there", "200\nX-Unknown: <absent>\n\n" + `{"id":"<uuid>","n":1.0,"list":["a",null]}`, false},
		{"another status", "201\n\n" + `{"id":"<uuid>","n":1.0,"list":["a",null]}`, true},
		{"member too many", "200\n\n" + `{"id":"<uuid>","n":1.0}`, true},
		{"member too few", "200\n\n" + `{"id":"<uuid>","n":1.0,"list":["a",null],"x":null}`, true},
		{"item too many", "200\n\n" + `{"id":"<uuid>","n":1.0,"list":["a"]}`, true},
		{"null for absent", "200\n\n" + `{"id":"<uuid>","n":1.0,"list":["a",0]}`, true},
		{"number of another form", "200\n\n" + `{"id":"<uuid>","n":1,"list":["a",null]}`, true},
		{"another form", "200\n\n" + `{"id":"<time>","n":1.0,"list":["a",null]}`, true},
		{"name bound to another value", "200\n\n" + `{"id":"<uuid:other>","n":1.0,"list":["a",null]}`, true},
		{"text is no pattern", "200\n\n" + `{"id":".*","n":1.0,"list":["a",null]}`, true},
		{"another header", "200\nX-Known: no\n\n" + `{"id":"<uuid>","n":1.0,"list":["a",null]}`, true},
		{"header missing", "200\nX-Unknown: yes\n\n" + `{"id":"<uuid>","n":1.0,"list":["a",null]}`, true},
		{"header there", "200\nX-Known: <absent>\n\n" + `{"id":"<uuid>","n":1.0,"list":["a",null]}`, true},
		{"body where none is", "200", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			reply := httptest.NewRecorder()
			reply.Header().Set("X-Known", "yes")
			reply.Body.WriteString(`{"list":["a",null],"n":1.0,"id":"` + id + `"}`)
			p := &player{reply: reply, bound: map[string]string{"known": id, "other": strings.ReplaceAll(id, "b", "c")}}
			w := &witness{TB: t}
			p.compare(w, tt.want)
			if (len(w.failures) > 0) != tt.fails {
				t.Errorf("compare(%q) = %q, want failures: %v", tt.want, w.failures, tt.fails)
			}
			if tt.name == "name that is bound here" && p.fill(t, "/<thing>/") != "/"+id+"/" {
				t.Errorf("fill(</thing/>) = %q, want the id", p.fill(t, "/<thing>/"))
			}
		})
	}
}

// wrong is a face that does everything wrong which the checks look for.
func wrong(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	_, _ = fmt.Fprintln(w, "you asked for", r.URL)
}

// right is a face that does it as it should be.
func right(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/problem+json")
	switch {
	case !strings.HasPrefix(r.URL.Path, "/things/") || strings.Count(r.URL.Path, "/") > 2:
		w.WriteHeader(http.StatusNotFound)
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", "GET")
		w.WriteHeader(http.StatusMethodNotAllowed)
	case r.Header.Get("Authorization") != "right":
		w.WriteHeader(http.StatusUnauthorized)
	}
}

func TestSiblingChecks(t *testing.T) {
	t.Parallel()
	checks := map[string]func(testing.TB, Face){
		"RefusesStrangers": func(t testing.TB, f Face) { RefusesStrangers(t, f, http.Header{"Authorization": {"wrong"}}) },
		"RefusesUnknown":   RefusesUnknown,
		"EchoesNothing":    EchoesNothing,
	}
	for name, check := range checks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := Face{
				Handler: http.HandlerFunc(right), Routes: []face.Route{{Method: "GET", Path: "/things/{thing}"}},
				Credential: http.Header{"Authorization": {"right"}}, ErrorType: "application/problem+json",
			}
			w := &witness{TB: t}
			if check(w, f); len(w.failures) > 0 {
				t.Errorf("%s of a face that is right = %q, want no failures", name, w.failures)
			}
			f.Handler, w = http.HandlerFunc(wrong), &witness{TB: t}
			if check(w, f); len(w.failures) == 0 {
				t.Errorf("%s of a face that is wrong found nothing", name)
			}
		})
	}
}

func TestKnowsKinds(t *testing.T) {
	t.Parallel()
	status := func(err error) int {
		switch core.KindOf(err) {
		case core.Internal:
			return 500
		case core.Unavailable:
			return 503
		default:
			return 400
		}
	}
	w := &witness{TB: t}
	if KnowsKinds(w, status); len(w.failures) > 0 {
		t.Errorf("KnowsKinds of a mapping that is right = %q, want no failures", w.failures)
	}
	for name, wrong := range map[string]func(error) int{
		"everything is internal": func(error) int { return 500 },
		"nothing is":             func(error) int { return 400 },
		"errors are well":        func(error) int { return 200 },
	} {
		w := &witness{TB: t}
		if KnowsKinds(w, wrong); len(w.failures) == 0 {
			t.Errorf("KnowsKinds of a mapping where %s found nothing", name)
		}
	}
}

// describedThings serves a document, and things that are as it says or not.
func describedThings(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/openapi.json":
		_, _ = w.Write([]byte(`{"openapi":"3.1.0","info":{"title":"Things","version":"1"},"security":[{"key":[]}],
			"components":{"securitySchemes":{"key":{"type":"http","scheme":"bearer"}}},
			"paths":{"/things/":{"get":{"operationId":"get","summary":"Get","responses":{"200":{"description":"OK",
			"content":{"application/json":{"schema":{"type":"object","required":["name"],"additionalProperties":false,
			"properties":{"name":{"type":["string","null"]}}}}}}}}}}}`))
	default:
		_, _ = w.Write([]byte(r.URL.Query().Get("reply")))
	}
}

func TestDescriptionHolds(t *testing.T) {
	t.Parallel()
	h := http.HandlerFunc(describedThings)
	d := ReadDescription(t, h, "/openapi.json")
	for target, fails := range map[string]bool{
		"/things/?reply={%22name%22:%22a%22}":                 false,
		"/things?reply={%22name%22:null}":                     false,
		"/things/?reply={}":                                   true,
		"/things/?reply={%22name%22:5}":                       true,
		"/things/?reply={%22name%22:%22a%22,%22more%22:true}": true,
		"/others/?reply={%22name%22:%22a%22}":                 true,
	} {
		w := &witness{TB: t}
		d.Hold(w, h).ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil))
		if (len(w.failures) > 0) != fails {
			t.Errorf("Hold of GET %s = %q, want failures: %v", target, w.failures, fails)
		}
	}
	for name, tt := range map[string]struct {
		routes []face.Route
		fails  bool
	}{
		"the same":  {[]face.Route{{Method: "GET", Path: "/things/"}, {Method: "GET", Path: "/openapi.json", Public: true}}, false},
		"one fewer": {nil, true},
		"one more":  {[]face.Route{{Method: "GET", Path: "/things/"}, {Method: "PUT", Path: "/things/"}}, true},
	} {
		w := &witness{TB: t}
		if d.Describes(w, Face{Routes: tt.routes}); (len(w.failures) > 0) != tt.fails {
			t.Errorf("Describes of %s = %q, want failures: %v", name, w.failures, tt.fails)
		}
	}
}
