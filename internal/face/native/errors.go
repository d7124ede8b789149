package native

import (
	"net/http"

	"keyrack/internal/core"
	"keyrack/internal/face/openapi"
)

// problem gives the status and body for an error of core. A 401 names the
// scheme to use (RFC 9110, 11.6.1).
func problem(err error) *openapi.Problem {
	p := openapi.ProblemOf(err)
	if core.KindOf(err) == core.Unauthenticated {
		p.Detail = "a host token is needed, as Authorization: Bearer"
		p.Header = http.Header{"WWW-Authenticate": {`Bearer realm="keyrack"`}}
	}
	return p
}
