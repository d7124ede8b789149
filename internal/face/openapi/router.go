package openapi

import (
	"net/http"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"keyrack/internal/face"
)

// router gives Huma a ServeMux whose patterns match exact paths only, each with
// and without a final slash, since many clients do not repeat a POST after a
// redirect.
type router struct {
	mux      *http.ServeMux
	routes   []face.Route
	ops      []*huma.Operation
	allowed  map[string][]string // the methods of a pattern's path
	notFound http.HandlerFunc
}

func newRouter() *router {
	return &router{mux: http.NewServeMux(), allowed: map[string][]string{}}
}

// Handle is Huma's way to add an operation.
func (rt *router) Handle(op *huma.Operation, handler func(huma.Context)) {
	rt.routes = append(rt.routes, face.Route{Method: op.Method, Path: op.Path})
	rt.ops = append(rt.ops, op)
	serve := func(w http.ResponseWriter, r *http.Request) {
		// Replies are JSON whatever is asked for; Huma would answer "Accept: json"
		// with a media type of that name.
		r.Header.Del("Accept")
		r.Pattern = op.Method + " " + op.Path // one name for both forms of the path
		handler(humago.NewContext(op, r, w))
	}
	short := strings.TrimSuffix(op.Path, "/")
	rt.handle(op.Method, short, serve)
	rt.handle(op.Method, short+"/{$}", serve) // without {$} it would match all that is below
}

func (rt *router) handle(method, pattern string, h http.HandlerFunc) {
	rt.mux.HandleFunc(method+" "+pattern, h)
	rt.allowed[pattern] = append(rt.allowed[pattern], method)
	if method == http.MethodGet {
		rt.allowed[pattern] = append(rt.allowed[pattern], http.MethodHead) // ServeMux answers it too
	}
}

// serveDocuments adds what is made once and read by everybody.
func (rt *router) serveDocuments(documents []document) {
	for _, d := range documents {
		rt.routes = append(rt.routes, face.Route{Method: http.MethodGet, Path: d.path, Public: true})
		rt.handle(http.MethodGet, d.path, d.serve)
	}
}

// refuseTheRest answers other methods on known paths, and all other paths.
func (rt *router) refuseTheRest(notFound, methodNotAllowed http.HandlerFunc) {
	for pattern, methods := range rt.allowed {
		allow := strings.Join(slices.Sorted(slices.Values(methods)), ", ")
		rt.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", allow)
			methodNotAllowed(w, r)
		})
	}
	rt.notFound = notFound
	rt.mux.HandleFunc("/", notFound)
}

// ServeHTTP answers a request.
func (rt *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !isPlain(r.URL.EscapedPath()) || !isText(r.URL.Path) {
		rt.notFound(w, r)
		return
	}
	rt.mux.ServeHTTP(w, r)
}

// isPlain tells whether a path says what it means: no dots and no double
// slashes to clean away. ServeMux would redirect to what is left, which is not
// the path that a filter in front of us has seen.
func isPlain(escaped string) bool {
	clean := path.Clean(escaped)
	return escaped == clean || escaped == strings.TrimSuffix(clean, "/")+"/"
}

// isText keeps out what no name has in it, and PostgreSQL no text: bytes that
// are no UTF-8, NUL and other control characters.
func isText(path string) bool {
	return utf8.ValidString(path) && !strings.ContainsFunc(path, unicode.IsControl)
}
