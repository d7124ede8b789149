package openapi

import (
	"bytes"
	_ "embed"
	"html/template"
	"path"

	"github.com/danielgtaylor/huma/v2"
)

// pagePolicy lets the page load its own style sheet and nothing else.
const pagePolicy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

var (
	//go:embed docs.html
	pageText string
	//go:embed docs.css
	styles []byte

	pageTemplate = template.Must(template.New("docs").Funcs(template.FuncMap{"name": path.Base}).Parse(pageText))
)

// description is what the page shows.
type description struct {
	*huma.OpenAPI
	Security   huma.SecurityScheme
	Operations []*huma.Operation
	Schemas    map[string]*huma.Schema
}

// page renders the description for people.
func (a *API) page() ([]byte, error) {
	var b bytes.Buffer
	err := pageTemplate.Execute(&b, description{
		OpenAPI: a.huma.OpenAPI(), Security: a.Security, Operations: a.router.ops,
		Schemas: a.huma.OpenAPI().Components.Schemas.Map(),
	})
	return b.Bytes(), err
}
