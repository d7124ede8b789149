package openapi

import (
	"bytes"
	"maps"
	"net/http"
	"net/url"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// answer is one that is written once, as to an [http.ResponseWriter], and sent
// often.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header gives the header that is written to.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader sets the status.
func (a *answer) WriteHeader(status int) { a.status = status }

// Write adds to the body.
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

func (a *answer) send(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body.Bytes()) // a peer that left needs no answer
}

// render writes what a client is told of err, whatever he had asked for.
func (a *API) render(err error) *answer {
	out := &answer{header: http.Header{}}
	r := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/"}, Header: http.Header{}}
	a.write(humago.NewContext(&huma.Operation{}, r, out), a.Problem(err))
	return out
}
