package sshverify

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
	// RatePerMinute is how many requests a project may make; zero means 600,
	// a negative number sets no limit.
	RatePerMinute int
	// ExpiredAsPending reports expired sessions as pending, for clients whose
	// list of statuses is the one that the original's schema has.
	ExpiredAsPending bool
}

type sshverify struct {
	Options
	rate *face.Limiter[core.ProjectID]
}

// keptProjects bounds how many projects' rates are kept in memory.
const keptProjects = 10_000

// New makes the face. It serves /api/v1/ and /schemas/.
func New(o Options) *openapi.API {
	o.Options = o.WithDefaults()
	f := &sshverify{Options: o, rate: face.NewLimiter[core.ProjectID](cmp.Or(o.RatePerMinute, 600), keptProjects)}
	return openapi.New(openapi.Options{
		Options: o.Options, Name: "sshverify",
		Title: "SSHVerify API", Version: cmp.Or(o.Version, "1"),
		Description: "Collects the public keys that people hold, over SSH itself.",
		BaseURL:     o.BaseURL, Prefix: "/api/v1", SchemasPath: "/schemas",
		Security: huma.SecurityScheme{
			Type: "apiKey", In: "header", Name: apiKeyHeader,
			Description: "The API key of a project, in the header " + apiKeyHeader + ".",
		},
		Authenticate: f.authenticate, Problem: problem,
	}, f.routes)
}

// routes is the route table.
func (f *sshverify) routes(a *openapi.API) {
	openapi.Handle(a, huma.Operation{
		OperationID: "get-auth-info", Method: http.MethodGet, Path: "/api/v1/auth/info/",
		Summary: "Show the API key in use",
	}, f.authInfo)
	f.registerCollect(a)
	f.registerVerify(a)
}
