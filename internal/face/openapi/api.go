package openapi

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

// Options is what an API is made from.
type Options struct {
	face.Options
	Name        string // of the face, for logs and metrics
	Title       string
	Version     string
	Description string
	// BaseURL is how clients reach this server: "https://keys.example.org".
	BaseURL string
	// Prefix is the path below which the API stands; its description is at
	// openapi.json and openapi.yaml there, a page to read it at docs.
	Prefix string
	// SchemasPath is the path below which the JSON schemas stand.
	SchemasPath string
	// Security describes the credential that every operation asks for.
	Security huma.SecurityScheme
	// BodyTimeout bounds how long a client may take to send a body; zero means
	// 5 seconds.
	BodyTimeout time.Duration
	// Authenticate gives the actor of a request, and the context its handler is
	// to run in. It runs before anything else of the request is looked at.
	Authenticate func(r *http.Request) (context.Context, core.Actor, error)
	// Problem gives what a client is told of an error, in the face's words.
	Problem func(err error) *Problem
}

// API is one face: its operations, their description, and an answer for
// everything else that comes its way.
type API struct {
	Options
	huma   huma.API
	router *router
	guard  *face.Guard
	busy   func() *answer // to one request too many
}

// New makes an API of the operations that register adds with [Handle].
func New(o Options, register func(*API)) *API {
	o.Options = o.WithDefaults()
	o.BodyTimeout = cmp.Or(o.BodyTimeout, 5*time.Second)
	o.BaseURL = strings.TrimSuffix(o.BaseURL, "/")
	a := &API{Options: o, router: newRouter()}
	a.huma = huma.NewAPI(a.config(), a.router)
	a.huma.UseMiddleware(a.admit, a.readBody)
	register(a)
	a.router.serveDocuments(a.documents())
	a.router.Refuse(a.notFound, a.methodNotAllowed)
	a.busy = sync.OnceValue(func() *answer { return a.render(face.ErrBusy) })
	a.guard = face.NewGuard(o.Name, o.Options, a.router, a.fail)
	return a
}

// ServeHTTP answers a request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.guard.ServeHTTP(w, r) }

// Routes lists what is served, in the order it was registered.
func (a *API) Routes() []face.Route { return a.router.routes }

const securityName = "credential"

func (a *API) config() huma.Config {
	links := newSchemaLinks(a.BaseURL, a.SchemasPath)
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: a.Title, Version: a.Version, Description: a.Description},
			Servers: []*huma.Server{{URL: a.BaseURL}},
			Components: &huma.Components{
				Schemas:         huma.NewMapRegistry(schemaRefs, huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{securityName: &a.Security},
			},
			Security:       []map[string][]string{{securityName: {}}},
			OnAddOperation: []huma.AddOpFunc{links.OnAddOperation},
		},
		Formats:       map[string]huma.Format{"application/json": strictJSON, "json": strictJSON},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{dropValues, links.Transform},
	}
}

// Handle adds an operation. Its handler is given the authenticated caller, and
// decides nothing but how to ask core. A type must not be both a request's and
// a reply's body: Huma would leave $schema out of the reply.
func Handle[I, O any](a *API, op huma.Operation, handler func(ctx context.Context, by core.Actor, in *I) (*O, error)) {
	op.MaxBodyBytes, op.BodyReadTimeout = -1, -1 // readBody has its own bounds
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, face.RequestOf(ctx).Actor, in)
		if err != nil {
			return nil, a.problem(ctx, err).statusError()
		}
		return out, nil
	})
}

// admit authenticates the caller, or refuses the request.
func (a *API) admit(ctx huma.Context, next func(huma.Context)) {
	r, _ := humago.Unwrap(ctx)
	inner, by, err := a.Authenticate(r)
	face.RequestOf(r.Context()).Actor = by // also of one who is turned away
	if err != nil {
		a.refuse(ctx, err)
		return
	}
	next(huma.WithContext(ctx, inner))
}

// problem gives what the client is told of err, and leaves err for the log.
func (a *API) problem(ctx context.Context, err error) *Problem {
	face.RequestOf(ctx).Err = err
	return a.Problem(err)
}

// refuse answers with what the client is told of err.
func (a *API) refuse(ctx huma.Context, err error) { a.write(ctx, a.problem(ctx.Context(), err)) }

func (a *API) write(ctx huma.Context, p *Problem) {
	for name, values := range p.Header {
		ctx.SetHeader(name, values[0])
	}
	_ = huma.WriteErr(a.huma, ctx, p.Status, p.Detail, p.errors()...) // a peer that left needs no answer
}

// writePlain answers a request that no operation took.
func (a *API) writePlain(w http.ResponseWriter, r *http.Request, status int, detail string) {
	none := &huma.Operation{Method: r.Method, Path: r.URL.Path}
	a.write(humago.NewContext(none, r, w), &Problem{Status: status, Detail: detail})
}

func (a *API) notFound(w http.ResponseWriter, r *http.Request) {
	a.writePlain(w, r, http.StatusNotFound, "there is nothing at this path")
}

func (a *API) methodNotAllowed(w http.ResponseWriter, r *http.Request, allow []string) {
	w.Header().Set("Allow", strings.Join(allow, ", "))
	a.writePlain(w, r, http.StatusMethodNotAllowed, "this path does not take this method")
}

// fail answers a request that no operation could. To one too many the answer is
// always the same, and has to cost less than what it saves.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, face.ErrBusy) {
		a.busy().send(w)
		return
	}
	a.write(humago.NewContext(&huma.Operation{Method: r.Method, Path: r.URL.Path}, r, w), a.Problem(err))
}
