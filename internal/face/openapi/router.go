package openapi

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"keyrack/internal/face"
)

// router gives Huma the face's router, with each path with and without a final
// slash, since many clients do not repeat a POST after a redirect.
type router struct {
	*face.Router
	routes []face.Route
	ops    []*huma.Operation
}

func newRouter() *router { return &router{Router: face.NewRouter()} }

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
	rt.Router.Handle(op.Method, short, serve)
	rt.Router.Handle(op.Method, short+"/", serve)
}

// serveDocuments adds what is made once and read by everybody.
func (rt *router) serveDocuments(documents []document) {
	for _, d := range documents {
		rt.routes = append(rt.routes, face.Route{Method: http.MethodGet, Path: d.path, Public: true})
		rt.Router.Handle(http.MethodGet, d.path, d.serve)
	}
}
