package openapi

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

// Problem is what a client is told of an error (RFC 9457, in Huma's model).
type Problem struct {
	Status int
	Detail string
	Fields []core.Field // Path as in "body.expired_at"
	Header http.Header
}

const unexpected = "unexpected error occurred" // Huma's words for a 500

// ProblemOf gives the status and words for an error of core. What the client
// cannot help, and whatever is no error of core's, is told in constant words.
func ProblemOf(err error) *Problem {
	switch e := face.ErrorOf(err); e.Kind {
	case core.Invalid:
		return &Problem{Status: http.StatusBadRequest, Detail: e.Msg, Fields: inBody(e.Fields)}
	case core.Unauthenticated:
		return &Problem{Status: http.StatusUnauthorized, Detail: "the credential does not hold"}
	case core.Denied:
		return &Problem{Status: http.StatusForbidden, Detail: "not allowed"}
	case core.NotFound:
		return &Problem{Status: http.StatusNotFound, Detail: "not found"}
	case core.Conflict:
		return &Problem{Status: http.StatusConflict, Detail: e.Msg}
	case core.Limited:
		return &Problem{Status: http.StatusTooManyRequests, Detail: "too many requests", Header: face.RetryAfter(err)}
	case core.Unavailable:
		return &Problem{Status: http.StatusServiceUnavailable, Detail: "the server cannot answer now", Header: face.RetryAfter(err)}
	default:
		return &Problem{Status: http.StatusInternalServerError, Detail: unexpected}
	}
}

func inBody(fields []core.Field) []core.Field {
	out := make([]core.Field, len(fields))
	for i, f := range fields {
		out[i] = core.Field{Path: "body." + f.Path, Msg: f.Msg}
	}
	return out
}

// errors gives the fields as Huma takes them.
func (p *Problem) errors() []error {
	out := make([]error, len(p.Fields))
	for i, f := range p.Fields {
		out[i] = &huma.ErrorDetail{Message: f.Msg, Location: f.Path}
	}
	return out
}

// statusError gives the problem as a Huma handler returns it.
func (p *Problem) statusError() error {
	return huma.ErrorWithHeaders(huma.NewError(p.Status, p.Detail, p.errors()...), p.Header)
}

// mostErrors is how many errors a reply tells of. A client that sent more has
// not looked at what it sends.
const mostErrors = 20

// dropValues takes out of errors what was sent. Huma repeats it in value: for an
// unknown property the whole object around it.
func dropValues(_ huma.Context, _ string, v any) (any, error) {
	if problem, ok := v.(*huma.ErrorModel); ok {
		problem.Errors = problem.Errors[:min(len(problem.Errors), mostErrors)]
		for _, e := range problem.Errors {
			e.Value = nil
		}
	}
	return v, nil
}
