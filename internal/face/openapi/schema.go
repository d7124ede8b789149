package openapi

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

const schemaRefs = "#/components/schemas/"

// schemaLinks is Huma's own way to add $schema and a Link header to replies,
// but for the address: Huma believes Host and X-Forwarded-Host, and so would
// let a stranger choose where our clients fetch schemas from.
type schemaLinks struct {
	*huma.SchemaLinkTransformer
	origin string
}

func newSchemaLinks(baseURL, schemasPath string) *schemaLinks {
	return &schemaLinks{huma.NewSchemaLinkTransformer(schemaRefs, schemasPath), originOf(baseURL)}
}

// originOf cuts the path off a URL; Huma takes that from the description.
func originOf(baseURL string) string {
	u, err := url.Parse(baseURL)
	if err != nil {
		return baseURL
	}
	return u.Scheme + "://" + u.Host
}

// Transform adds $schema and the Link header to a reply.
func (l *schemaLinks) Transform(ctx huma.Context, status string, v any) (any, error) {
	return l.SchemaLinkTransformer.Transform(fixedHost{ctx, l.origin}, status, v)
}

// fixedHost is a request as if it had been sent to the configured address.
type fixedHost struct {
	call
	origin string
}

// Host gives the configured address.
func (c fixedHost) Host() string { return c.origin }

// Header gives nothing: those that are asked for could name another host.
func (c fixedHost) Header(string) string { return "" }

// document is a file that is made once.
type document struct {
	path, contentType string
	body              []byte
	policy            string // its Content-Security-Policy, where it is a page
}

func (d document) serve(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", d.contentType)
	w.Header().Set("Cache-Control", "no-cache")
	if d.policy != "" {
		w.Header().Set("Content-Security-Policy", d.policy)
	}
	_, _ = w.Write(d.body) // a peer that left needs no answer
}

// documents makes the description, its schemas and the page. They are public:
// they say what any client of the product knows already. Failing is a defect
// of the program, which its first start shows.
func (a *API) documents() []document {
	description := a.huma.OpenAPI()
	docs := []document{
		{path: a.Prefix + "/openapi.json", contentType: "application/openapi+json", body: must(json.Marshal(description))},
		{path: a.Prefix + "/openapi.yaml", contentType: "application/openapi+yaml", body: must(description.YAML())},
		{path: a.Prefix + "/docs", contentType: "text/html; charset=utf-8", body: must(a.page()), policy: pagePolicy},
		{path: a.Prefix + "/docs.css", contentType: "text/css; charset=utf-8", body: styles},
	}
	schemas := description.Components.Schemas.Map()
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		docs = append(docs, document{
			path: a.SchemasPath + "/" + name + ".json", contentType: "application/json",
			body: a.linked(must(json.Marshal(schemas[name]))),
		})
	}
	return docs
}

var schemaRef = regexp.MustCompile(`"` + schemaRefs + `(\w+)"`)

// linked makes a schema that stands alone refer to its fellows by where they
// are served.
func (a *API) linked(schema []byte) []byte {
	return schemaRef.ReplaceAll(schema, []byte(`"`+a.BaseURL+a.SchemasPath+`/$1.json"`))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
