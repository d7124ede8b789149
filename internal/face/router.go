package face

import (
	"net/http"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Router finds what answers a request. Its patterns are those of
// [http.ServeMux], but they match exact paths only, nothing is redirected, and
// what no pattern takes is answered by the face itself.
type Router struct {
	mux      *http.ServeMux
	allowed  map[string][]string // the methods of a pattern's path
	notFound http.HandlerFunc
}

// NewRouter makes a router without patterns.
func NewRouter() *Router {
	return &Router{mux: http.NewServeMux(), allowed: map[string][]string{}}
}

// Handle adds a pattern. Its path is taken as it is: a final slash belongs to
// it, and does not stand for all that is below.
func (rt *Router) Handle(method, pattern string, h http.HandlerFunc) {
	if strings.HasSuffix(pattern, "/") {
		pattern += "{$}"
	}
	rt.mux.HandleFunc(method+" "+pattern, h)
	rt.allowed[pattern] = append(rt.allowed[pattern], method)
	if method == http.MethodGet {
		rt.allowed[pattern] = append(rt.allowed[pattern], http.MethodHead) // ServeMux answers it too
	}
}

// Refuse says what answers other methods on known paths, with the methods that
// are allowed there, and all other paths. It is called once, after the last
// Handle.
func (rt *Router) Refuse(notFound http.HandlerFunc, methodNotAllowed func(w http.ResponseWriter, r *http.Request, allow []string)) {
	for pattern, methods := range rt.allowed {
		allow := slices.Compact(slices.Sorted(slices.Values(methods)))
		rt.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { methodNotAllowed(w, r, allow) })
	}
	rt.notFound = func(w http.ResponseWriter, r *http.Request) {
		r.Pattern = "" // for the log: the one that matches everything tells nothing
		notFound(w, r)
	}
	rt.mux.HandleFunc("/", rt.notFound)
	for pattern := range rt.allowed {
		short, slashed := strings.CutSuffix(pattern, "/{$}")
		if _, known := rt.allowed[short]; slashed && short != "" && !known {
			rt.mux.HandleFunc(short, rt.notFound) // or ServeMux would redirect it
		}
	}
}

// ServeHTTP answers a request.
func (rt *Router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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
