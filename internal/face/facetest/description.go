package facetest

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// Description is a face's OpenAPI document, checked.
type Description struct {
	*openapi3.T
	router routers.Router
}

// ReadDescription reads and checks the OpenAPI document that a face serves at
// path, as a stranger.
func ReadDescription(t testing.TB, h http.Handler, path string) *Description {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	document, err := openapi3.NewLoader().LoadFromData(w.Body.Bytes())
	if err != nil {
		t.Fatalf("load the document of GET %s: %v", path, err)
	}
	if err := document.Validate(t.Context()); err != nil {
		t.Fatalf("the document of GET %s: %v", path, err)
	}
	document.Servers = nil // so that paths are found under any host
	router, err := legacy.NewRouter(document)
	if err != nil {
		t.Fatal(err)
	}
	return &Description{document, router}
}

// Describes checks that the document has the routes that ask for credentials,
// and no others, and says that they do.
func (d *Description) Describes(t testing.TB, f Face) {
	t.Helper()
	served := map[string]bool{}
	for _, route := range f.Routes {
		served[route.Method+" "+route.Path] = !route.Public
	}
	for path, item := range d.Paths.Map() {
		for method, op := range item.Operations() {
			if !served[method+" "+path] {
				t.Errorf("%s %s is described and not served", method, path)
			}
			delete(served, method+" "+path)
			if op.OperationID == "" || op.Summary == "" {
				t.Errorf("%s %s has operation id %q and summary %q, want both", method, path, op.OperationID, op.Summary)
			}
		}
	}
	for route, private := range served {
		if private {
			t.Errorf("%s is served and not described", route)
		}
	}
	if len(d.Security) != 1 || len(d.Security[0]) != 1 {
		t.Errorf("the document asks for %v, want one credential for all", d.Security)
	}
}

// Hold gives a handler that is h, and checks every reply to an operation
// against the document.
func (d *Description) Hold(t testing.TB, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reply := httptest.NewRecorder()
		h.ServeHTTP(reply, r)
		d.check(t, r, reply)
		for name, values := range reply.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(reply.Code)
		_, _ = w.Write(reply.Body.Bytes())
	})
}

func (d *Description) check(t testing.TB, r *http.Request, reply *httptest.ResponseRecorder) {
	t.Helper()
	route, params, err := d.find(r)
	if err != nil {
		if reply.Code < 400 && !strings.Contains(r.URL.Path, "openapi") {
			t.Errorf("%s %s = %d, of no operation in the document: %v", r.Method, r.URL, reply.Code, err)
		}
		return
	}
	err = openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
		Status:                 reply.Code, Header: reply.Header(),
		Body:    io.NopCloser(bytes.NewReader(reply.Body.Bytes())),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	})
	if err != nil {
		t.Errorf("%s %s = %d %s; not as the document has it: %v", r.Method, r.URL, reply.Code, reply.Body, err)
	}
}

// find finds the operation of a request, with or without a final slash.
func (d *Description) find(r *http.Request) (*routers.Route, map[string]string, error) {
	if route, params, err := d.router.FindRoute(r); err == nil {
		return route, params, nil
	}
	other := r.Clone(r.Context())
	if short, ok := strings.CutSuffix(r.URL.Path, "/"); ok {
		other.URL.Path = short
	} else {
		other.URL.Path += "/"
	}
	return d.router.FindRoute(other)
}
