package openapi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

// thing is an object with whatever a body can go wrong in.
type thing struct {
	Name string   `json:"name" doc:"Its name."`
	Size *float64 `json:"size,omitempty"`
	Tags []string `json:"tags,omitempty"`
}

type newThing struct{ Body thing }

// madeThing is what comes back of a thing.
type madeThing struct {
	Name string `json:"name" doc:"Its name."`
}

type oneThing struct{ Body madeThing }

// things is a face of one resource, as small as one can be.
type things struct {
	fail error // what handlers answer with
	seen *thing
}

func (f *things) routes(a *API) {
	Handle(a, huma.Operation{OperationID: "make", Method: http.MethodPost, Path: "/api/things/"},
		func(_ context.Context, _ core.Actor, in *newThing) (*oneThing, error) {
			f.seen = &in.Body
			return &oneThing{madeThing{in.Body.Name}}, f.fail
		})
	Handle(a, huma.Operation{OperationID: "get", Method: http.MethodGet, Path: "/api/things/{thing}", Summary: "Get <one> & read it"},
		func(_ context.Context, by core.Actor, _ *struct {
			Thing string `path:"thing"`
		}) (*oneThing, error) {
			return &oneThing{madeThing{by.Name()}}, f.fail
		})
}

func newThings(t *testing.T, f *things, change ...func(*Options)) *API {
	t.Helper()
	o := Options{
		Name: "things", Title: "Things", Version: "1", BaseURL: "https://keys.example.org/",
		Prefix: "/api", SchemasPath: "/api/schemas",
		Security: huma.SecurityScheme{Type: "http", Scheme: "bearer"},
		Authenticate: func(r *http.Request) (context.Context, core.Actor, error) {
			if r.Header.Get("Authorization") != "yes" {
				return r.Context(), core.Actor{}, core.Errorf(core.Unauthenticated, "no")
			}
			return r.Context(), core.Operator("ada"), nil
		},
		Problem: ProblemOf,
	}
	for _, c := range change {
		c(&o)
	}
	return New(o, f.routes)
}

func send(t *testing.T, h http.Handler, method, target string, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "yes")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPaths(t *testing.T) {
	t.Parallel()
	api := newThings(t, &things{})
	tests := []struct {
		target string
		want   int
	}{
		{"/api/things/1", 200},
		{"/api/things/1/", 200},
		{"/api/things/%31", 200},
		{"/api/things/a%2Fb", 200}, // one segment that holds a slash
		{"/api/%74hings/1", 200},
		{"/api/things/1;x=1", 200}, // a segment, not a parameter
		{"/api/things/1?a=1&a=2", 200},
		{"/api/things/1//", 404},
		{"/api//things/1", 404},
		{"//api/things/1", 404},
		{"/api/./things/1", 404},
		{"/api/x/../things/1", 404},
		{"/api/things/..", 404},
		{"/api/things/1/..", 404},
		{"/api/things/%2e%2e/1", 404},
		{"/api/things/1/2", 404},
		{"/api/things%2F1", 404},
		{"/API/things/1", 404},
		{"/api/Things/1", 404},
		{"/api/things/%00", 404},
		{"/api/things/%0d%0aX: y", 404},
		{"/api/things/%c3%28", 404},
		{"/api/things/%7f", 404},
		{"//", 404},
		{"/", 404},
		{"/api", 404},
		{"/api/", 404},
		{"/api/docs/", 404},
		{"/api/schemas/", 404},
		{"/api/schemas/../openapi.json", 404},
	}
	for _, tt := range tests {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "yes")
		if err := setTarget(r, tt.target); err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("GET %s = %d %s, want %d", tt.target, w.Code, w.Body, tt.want)
		}
		if got := w.Header().Get("Content-Type"); tt.want != 200 && got != "application/problem+json" {
			t.Errorf("GET %s has type %s, want application/problem+json", tt.target, got)
		}
	}
}

// setTarget is what net/http makes of a request line.
func setTarget(r *http.Request, target string) error {
	line := "GET " + strings.ReplaceAll(target, " ", "%20") + " HTTP/1.1\r\nHost: x\r\n\r\n"
	read, err := http.ReadRequest(bufio.NewReader(strings.NewReader(line)))
	if err == nil {
		r.URL, r.RequestURI = read.URL, read.RequestURI
	}
	return err
}

func TestMethods(t *testing.T) {
	t.Parallel()
	api := newThings(t, &things{})
	tests := []struct {
		method, path string
		want         int
		allow        string
	}{
		{http.MethodHead, "/api/things/1", 200, ""},
		{http.MethodPost, "/api/things/1", 405, "GET, HEAD"},
		{http.MethodOptions, "/api/things/1/", 405, "GET, HEAD"},
		{http.MethodTrace, "/api/things/1", 405, "GET, HEAD"},
		{http.MethodGet, "/api/things", 405, "POST"},
		{"get", "/api/things/1", 405, "GET, HEAD"},
		{http.MethodPost, "/api/openapi.json", 405, "GET, HEAD"},
		{http.MethodPost, "/nowhere", 404, ""},
	}
	for _, tt := range tests {
		w := send(t, api, tt.method, tt.path, "")
		if w.Code != tt.want || w.Header().Get("Allow") != tt.allow {
			t.Errorf("%s %s = %d, Allow %q; want %d, %q", tt.method, tt.path, w.Code, w.Header().Get("Allow"), tt.want, tt.allow)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/things/1", nil)
	r.Header.Set("X-HTTP-Method-Override", "GET")
	w := httptest.NewRecorder()
	if api.ServeHTTP(w, r); w.Code != 405 {
		t.Errorf("POST with X-HTTP-Method-Override: GET = %d, want 405", w.Code)
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("a", 1<<20)
	tests := []struct {
		name, body string
		want       int
		says       string
	}{
		{"well", `{"name":"a"}`, 200, ""},
		{"escapes", `{"name":"\u00e9\ud83d\ude00\\u0000"}`, 200, ""},
		{"literal replacement character", `{"name":"` + "\ufffd" + `"}`, 200, ""},
		{"schema is ignored", `{"$schema":"https://evil.example.net","name":"a"}`, 200, ""},
		{"as much as is allowed", `{"name":"` + big[:1<<20-11] + `"}`, 200, ""},
		{"one byte more", `{"name":"` + big[:1<<20-10] + `"}`, 413, "request body is too large limit=1048576 bytes"},
		{"empty", "", 400, "request body is required"},
		{"blank", " ", 400, "unexpected end of JSON input"},
		{"truncated", `{"name":`, 400, "unexpected end of JSON input"},
		{"two values", `{"name":"a"}{"name":"b"}`, 400, "invalid character"},
		{"byte order mark", "\ufeff" + `{"name":"a"}`, 400, "invalid character"},
		{"UTF-16", "{\x00\"\x00n\x00", 400, "invalid character"},
		{"name twice", `{"name":"a","name":"b"}`, 400, "a property stands twice"},
		{"name twice, once escaped", `{"name":"a","n\u0061me":"b"}`, 400, "a property stands twice"},
		{"name twice deep in a stranger", `{"name":"a","x":[{"y":1,"y":2}]}`, 400, "a property stands twice"},
		{"name in another case", `{"Name":"a"}`, 422, "unexpected property"},
		{"name in both cases", `{"name":"a","NAME":"b"}`, 422, "unexpected property"},
		{"name that folds to it", `{"name":"a","ſize":1}`, 422, "unexpected property"},
		{"invalid UTF-8", "{\"name\":\"\xff\"}", 400, "not valid UTF-8"},
		{"overlong UTF-8", "{\"name\":\"\xc0\x80\"}", 400, "not valid UTF-8"},
		{"lone surrogate", `{"name":"\ud800"}`, 400, "not valid UTF-8"},
		{"surrogates in the wrong order", `{"name":"\ude00\ud83d"}`, 400, "not valid UTF-8"},
		{"NUL", `{"name":"a\u0000b"}`, 400, "a string holds the character NUL"},
		{"raw NUL", "{\"name\":\"a\x00b\"}", 400, "invalid character"},
		{"NUL in a name", `{"name":"a","\u0000":1}`, 400, "a string holds the character NUL"},
		{"number out of range", `{"name":"a","size":1e400}`, 400, "a number is out of range"},
		{"not a number", `{"name":"a","size":NaN}`, 400, "invalid character"},
		{"minus nought", `{"name":"a","size":-0}`, 200, ""},
		{"10,000 deep", `{"name":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + "}", 400, "exceeded max depth"},
		{"9,000 deep", `{"name":` + strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000) + "}", 422, "expected string"},
		{"100,000 members", `{"name":"a"` + manyMembers(100_000) + "}", 413, "too large"},
		{"40,000 members", `{"name":"a"` + manyMembers(40_000) + "}", 422, "unexpected property"},
		{"null", "null", 422, "expected object"},
		{"prototype", `{"name":"a","__proto__":{"isAdmin":true}}`, 422, "unexpected property"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := &things{}
			w := send(t, newThings(t, f), http.MethodPost, "/api/things/", tt.body)
			if w.Code != tt.want || !strings.Contains(w.Body.String(), tt.says) {
				t.Errorf("POST = %d %.300s, want %d with %q", w.Code, w.Body, tt.want, tt.says)
			}
			if (f.seen != nil) != (tt.want == 200) {
				t.Errorf("the handler was given %+v, want it to run for what is well alone", f.seen)
			}
		})
	}
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"member%d":0`, i)
	}
	return b.String()
}

// raw sends bytes to a real server and gives the status of what comes back.
func raw(t *testing.T, h http.Handler, text string) int {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	reply, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	return reply.StatusCode
}

// The client keeps the connection open and sends no more: who does not bound
// that waits for ever.
func TestBodyThatDoesNotCome(t *testing.T) {
	t.Parallel()
	api := newThings(t, &things{}, func(o *Options) { o.BodyTimeout = time.Millisecond })
	got := raw(t, api, "POST /api/things/ HTTP/1.1\r\nHost: x\r\nAuthorization: yes\r\nContent-Length: 20\r\n\r\n{\"name\":")
	if got != http.StatusRequestTimeout {
		t.Errorf("status %d, want 408", got)
	}
}

func TestBodyThatIsBroken(t *testing.T) {
	t.Parallel()
	api := newThings(t, &things{})
	for name, text := range map[string]string{
		"chunk without length": "POST /api/things/ HTTP/1.1\r\nHost: x\r\nAuthorization: yes\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{\"name\":\"a\"}\r\n0\r\n\r\n",
		"chunk too short":      "POST /api/things/ HTTP/1.1\r\nHost: x\r\nAuthorization: yes\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"name\":\"a\"}\r\n0\r\n\r\n",
		"both lengths":         "POST /api/things/ HTTP/1.1\r\nHost: x\r\nAuthorization: yes\r\nContent-Length: 5\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
	} {
		if got := raw(t, api, text); got < 400 || got > 499 && got != http.StatusNotImplemented {
			t.Errorf("%s: status %d, want a refusal of the request", name, got)
		}
	}
}

// A stranger is refused before anything he sends is looked at.
func TestStrangersBodyIsNotRead(t *testing.T) {
	t.Parallel()
	api := newThings(t, &things{})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/things/", io.MultiReader(strings.NewReader("{"), failing{}))
	w := httptest.NewRecorder()
	if api.ServeHTTP(w, r); w.Code != http.StatusUnauthorized {
		t.Errorf("POST by a stranger = %d %s, want 401", w.Code, w.Body)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("was read") }

func TestProblems(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err    error
		want   int
		says   string
		wait   string
		hushes bool
	}{
		{core.Errorf(core.Invalid, "why"), 400, `"detail":"why"`, "", false},
		{&core.Error{Kind: core.Invalid, Msg: "why", Fields: []core.Field{{Path: "name", Msg: "is long"}}}, 400,
			`"errors":[{"message":"is long","location":"body.name"}]`, "", false},
		{fmt.Errorf("wrapped: %w", core.Errorf(core.Conflict, "taken")), 409, `"detail":"taken"`, "", false},
		{core.Errorf(core.NotFound, "s3cret"), 404, "not found", "", true},
		{core.Errorf(core.Denied, "s3cret"), 403, "not allowed", "", true},
		{core.Errorf(core.Limited, "s3cret"), 429, "too many requests", "1", true},
		{face.TooMany(1500 * time.Millisecond), 429, "too many requests", "2", true},
		{core.Errorf(core.Unavailable, "s3cret"), 503, "cannot answer now", "5", true},
		{fmt.Errorf("s3cret: %w", context.DeadlineExceeded), 503, "cannot answer now", "5", true},
		{&core.Error{Kind: core.Invalid, Msg: "why", Err: errors.New("s3cret")}, 400, "why", "", true},
		{&core.Error{Kind: core.Internal, Msg: "s3cret"}, 500, "unexpected error occurred", "", true},
		{errors.New("s3cret: no such table"), 500, "unexpected error occurred", "", true},
		{huma.Error400BadRequest("s3cret"), 500, "unexpected error occurred", "", true}, // faces map, handlers do not
	}
	for _, tt := range tests {
		w := send(t, newThings(t, &things{fail: tt.err}), http.MethodGet, "/api/things/1", "")
		if w.Code != tt.want || !strings.Contains(w.Body.String(), tt.says) || w.Header().Get("Retry-After") != tt.wait {
			t.Errorf("%v = %d %s, Retry-After %q; want %d with %s, %q", tt.err, w.Code, w.Body, w.Header().Get("Retry-After"), tt.want, tt.says, tt.wait)
		}
		if tt.hushes && strings.Contains(fmt.Sprint(w.Header(), w.Body), "s3cret") {
			t.Errorf("%v tells the client %s", tt.err, w.Body)
		}
	}
}

// What is written once for all whom there are too many of is what anybody would
// have been told.
func TestBusyIsAsAnyUnavailable(t *testing.T) {
	t.Parallel()
	full := newThings(t, &things{}, func(o *Options) { o.Work = face.NewWork(0) })
	want := send(t, newThings(t, &things{fail: face.ErrBusy}), http.MethodGet, "/api/things/1", "")
	for range 2 {
		got := send(t, full, http.MethodGet, "/api/things/1", "")
		got.Header().Del("X-Request-Id")
		want.Header().Del("X-Request-Id")
		if diff := cmp.Diff(want.Header(), got.Header()); diff != "" || got.Code != want.Code || got.Body.String() != want.Body.String() {
			t.Errorf("busy = %d %s, header (-want +got) %s; want %d %s", got.Code, got.Body, diff, want.Code, want.Body)
		}
	}
}

func TestPanicIsAProblem(t *testing.T) {
	t.Parallel()
	api := newThings(t, &things{}, func(o *Options) {
		o.Authenticate = func(*http.Request) (context.Context, core.Actor, error) { panic("s3cret") }
	})
	w := send(t, api, http.MethodGet, "/api/things/1", "")
	want := `{"$schema":"https://keys.example.org/api/schemas/ErrorModel.json","title":"Internal Server Error","status":500,"detail":"unexpected error occurred"}` + "\n"
	if w.Code != 500 || w.Body.String() != want {
		t.Errorf("reply after a panic = %d %s, want 500 %s", w.Code, w.Body, want)
	}
}

// The route in logs and metrics is the operation's path, for both of its forms,
// and nothing that a client makes up.
func TestRouteNames(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"/api/things/1": "GET /api/things/{thing}", "/api/things/1/": "GET /api/things/{thing}",
		"/api/nothing/1": "", "/api/x/../y": "", "/api/openapi.json": "GET /api/openapi.json",
	} {
		api := newThings(t, &things{})
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
		r.Header.Set("Authorization", "yes")
		if api.router.ServeHTTP(httptest.NewRecorder(), r); r.Pattern != want {
			t.Errorf("the route of %s is %q, want %q", target, r.Pattern, want)
		}
	}
}

func TestAcceptIsIgnored(t *testing.T) {
	t.Parallel()
	for _, accept := range []string{"json", "text/html", "application/xml, json;q=0.9", "*/*;q=0"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/things/1", nil)
		r.Header.Set("Authorization", "yes")
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		newThings(t, &things{}).ServeHTTP(w, r)
		if got := w.Header().Get("Content-Type"); w.Code != 200 || got != "application/json" {
			t.Errorf("Accept: %s = %d %s, want 200 application/json", accept, w.Code, got)
		}
	}
}

// A host in the request must not become a host in the reply.
func TestSchemaAddress(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"https://keys.example.org":            "https://keys.example.org/api/schemas/MadeThing.json",
		"https://keys.example.org/":           "https://keys.example.org/api/schemas/MadeThing.json",
		"http://localhost:8080":               "http://localhost:8080/api/schemas/MadeThing.json",
		"https://example.org:8443/ssh/keys":   "https://example.org:8443/ssh/keys/api/schemas/MadeThing.json",
		"http://[2001:db8::1]:8080":           "http://[2001:db8::1]:8080/api/schemas/MadeThing.json",
		"https://user-facing.example.org:443": "https://user-facing.example.org:443/api/schemas/MadeThing.json",
	} {
		api := newThings(t, &things{}, func(o *Options) { o.BaseURL = base })
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/things/1", nil)
		r.Host = "evil.example.net"
		for name, value := range map[string]string{
			"Authorization": "yes", "X-Forwarded-Host": "evil.example.net", "Forwarded": "host=evil.example.net", "X-Forwarded-Proto": "gopher",
		} {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if got := w.Body.String(); !strings.HasPrefix(got, `{"$schema":"`+want+`",`) {
			t.Errorf("reply under %s = %s, want $schema %s in front", base, got, want)
		}
		if said := fmt.Sprint(w.Header(), w.Body); strings.Contains(said, "evil") {
			t.Errorf("reply under %s names the request's host: %s", base, said)
		}
	}
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	api := newThings(t, &things{})
	for path, wants := range map[string][]string{
		"/api/openapi.json":            {"application/openapi+json", `"openapi":"3.1.0"`, `"/api/things/{thing}"`, `https://keys.example.org"`},
		"/api/openapi.yaml":            {"application/openapi+yaml", "openapi: ", "/api/things/{thing}:"},
		"/api/docs":                    {"text/html; charset=utf-8", "<code>/api/things/{thing}</code>", "Get &lt;one&gt; &amp; read it", `href="#Thing"`, "Its name."},
		"/api/docs.css":                {"text/css; charset=utf-8", "body {"},
		"/api/schemas/ErrorModel.json": {"application/json", `"https://keys.example.org/api/schemas/ErrorDetail.json"`},
		"/api/schemas/Thing.json":      {"application/json", `"name"`},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil) // no credential
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if got := w.Header().Get("Content-Type"); w.Code != 200 || got != wants[0] {
			t.Errorf("GET %s = %d %s, want 200 %s", path, w.Code, got, wants[0])
		}
		for _, want := range wants[1:] {
			if !strings.Contains(w.Body.String(), want) {
				t.Errorf("GET %s has no %s:\n%s", path, want, w.Body)
			}
		}
	}
}

// The page must work where nothing but this server can be reached, and must not
// be a way to run somebody else's script under our name.
func TestPageIsItsOwn(t *testing.T) {
	t.Parallel()
	w := send(t, newThings(t, &things{}), http.MethodGet, "/api/docs", "")
	for _, never := range []string{"<script", "<style", "style=", "http://", "https://", "onload", "<iframe", "<no value>", "ZgotmplZ"} {
		if strings.Contains(w.Body.String(), never) {
			t.Errorf("the page holds %q", never)
		}
	}
	policy := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "style-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("Content-Security-Policy %q lacks %s", policy, want)
		}
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	got := map[face.Route]bool{}
	for _, r := range newThings(t, &things{}).Routes() {
		got[r] = true
	}
	for _, want := range []face.Route{
		{Method: "POST", Path: "/api/things/"}, {Method: "GET", Path: "/api/things/{thing}"},
		{Method: "GET", Path: "/api/openapi.json", Public: true}, {Method: "GET", Path: "/api/docs", Public: true},
		{Method: "GET", Path: "/api/schemas/Thing.json", Public: true},
	} {
		if !got[want] {
			t.Errorf("Routes() = %v, lacks %v", got, want)
		}
	}
}
