package waldur

import (
	"errors"
	"net/http"
	"strings"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

// problem is an error in the words of Django REST framework.
type problem struct {
	status int
	body   any
}

func (p *problem) Error() string { return http.StatusText(p.status) }

// detail makes the body of an error that concerns the request as a whole.
func detail(status int, text string) *problem {
	return &problem{status, object{{"detail", text}}}
}

// faults are what is wrong with the fields of a request, by field.
type faults struct{ object }

func (f *faults) add(field, text string) {
	for i, m := range f.object {
		if m.Name == field {
			f.object[i].Value = append(m.Value.([]string), text)
			return
		}
	}
	f.object = append(f.object, face.Member{field, []string{text}})
}

func (f *faults) err() error {
	if len(f.object) == 0 {
		return nil
	}
	return &problem{http.StatusBadRequest, f.object}
}

// fault is what is wrong with one field.
func fault(field, text string) error {
	var f faults
	f.add(field, text)
	return f.err()
}

var (
	errHost          = detail(http.StatusBadRequest, "Invalid HTTP_HOST header.")
	errNotAcceptable = detail(http.StatusNotAcceptable, "Could not satisfy the request Accept header.")
	errNoPath        = detail(http.StatusNotFound, "Not found.")
	errNoKey         = detail(http.StatusNotFound, "No SshPublicKey matches the given query.")
	errNoUser        = detail(http.StatusNotFound, "No User matches the given query.")
	errNoVersion     = detail(http.StatusNotFound, "No version found before the specified timestamp.")
	errPage          = detail(http.StatusNotFound, "Invalid page.")
	errShared        = detail(http.StatusForbidden, "Only staff users are allowed to delete shared SSH public key.")
	errTooLarge      = detail(http.StatusRequestEntityTooLarge, "Request body is too large.")
	errNoUnicode     = detail(http.StatusBadRequest, "JSON parse error - the body is not UTF-8")
	errBadJSON       = detail(http.StatusBadRequest, "JSON parse error - the body is not one JSON value")
	errBadMultipart  = detail(http.StatusBadRequest, "Multipart form parse error - the body is not the form it says it is")
)

func errMethod(method string) error {
	return detail(http.StatusMethodNotAllowed, `Method "`+method+`" not allowed.`)
}

func errMedia(media string) error {
	return detail(http.StatusUnsupportedMediaType, `Unsupported media type "`+media+`" in request.`)
}

// words are the replies to errors of core, by kind: those of the framework's
// own exceptions.
var words = map[core.Kind]*problem{
	core.Internal:        detail(http.StatusInternalServerError, "A server error occurred."),
	core.Invalid:         detail(http.StatusBadRequest, "Invalid input."),
	core.Unauthenticated: detail(http.StatusUnauthorized, "Invalid token."),
	core.Denied:          detail(http.StatusForbidden, "You do not have permission to perform this action."),
	core.NotFound:        errNoPath,
	core.Conflict:        detail(http.StatusConflict, "The request conflicts with the current state."),
	core.Limited:         detail(http.StatusTooManyRequests, "Request was throttled."),
	core.Unavailable:     detail(http.StatusServiceUnavailable, "Service temporarily unavailable, try again later."),
}

// Error turns an error into a reply.
func (a *api) Error(_ *http.Request, err error) face.Reply {
	if p, ok := errors.AsType[*problem](err); ok {
		return p.reply()
	}
	if errors.Is(err, face.ErrTooLarge) {
		return errTooLarge.reply()
	}
	e := face.ErrorOf(err)
	reply := words[e.Kind].reply()
	if e.Kind == core.Limited || e.Kind == core.Unavailable {
		for name, values := range face.RetryAfter(err) {
			reply.Header = with(reply.Header, name, strings.Join(values, ", "))
		}
	}
	return reply
}

func (p *problem) reply() face.Reply {
	reply := face.Reply{Status: p.status, Body: p.body}
	if p.status == http.StatusUnauthorized {
		reply.Header = http.Header{"WWW-Authenticate": {"Token"}}
	}
	return reply
}

// absent gives what is said of a thing that is not there, or not for the caller.
func absent(err error, what *problem) error {
	if core.KindOf(err) == core.NotFound {
		return what
	}
	return err
}
