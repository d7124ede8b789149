package native

import (
	"cmp"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"keyrack/internal/core"
	"keyrack/internal/face"
	"keyrack/internal/face/openapi"
)

// Options is what the face is made from.
type Options struct {
	face.Options
	Core *core.Service
	// BaseURL is how clients reach this server: "https://keys.example.org".
	BaseURL string
	// Version is the program's, for the description.
	Version string
}

type native struct {
	Options
}

const prefix = "/api/keyrack/v1"

// New makes the face. It serves /api/keyrack/v1/.
func New(o Options) *openapi.API {
	f := &native{o}
	return openapi.New(openapi.Options{
		Options: o.Options, Name: "native",
		Title: "Keyrack API", Version: cmp.Or(o.Version, "1"),
		Description: "What hosts ask Keyrack for.",
		BaseURL:     o.BaseURL, Prefix: prefix, SchemasPath: prefix + "/schemas",
		Security:     huma.SecurityScheme{Type: "http", Scheme: "bearer", Description: "A host token, as Authorization: Bearer."},
		Authenticate: f.authenticate, Problem: problem,
	}, f.routes)
}

// routes is the route table.
func (f *native) routes(a *openapi.API) {
	openapi.Handle(a, huma.Operation{
		OperationID: "get-authorized-keys", Method: http.MethodGet, Path: prefix + "/authorized-keys/{login}",
		Summary:     "Give the keys that open a login",
		Description: "One line of authorized_keys for each key. A login that is unknown, disabled or expired has none.",
		Responses:   textReply("The keys, a line for each."),
	}, f.authorizedKeys)
}

// textReply describes a reply that is text.
func textReply(what string) map[string]*huma.Response {
	text := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	return map[string]*huma.Response{"200": {Description: what, Content: map[string]*huma.MediaType{"text/plain": text}}}
}
