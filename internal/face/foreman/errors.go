package foreman

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"keyrack/internal/core"
	"keyrack/internal/face"
	"keyrack/internal/scopedsearch"
)

const contentType = "application/json; charset=utf-8"

// The errors that this protocol has words of its own for.
type (
	// syntaxError is a body that is no JSON; the text is where it stops to be any.
	syntaxError struct{ rest string }
	// loginError is a credential that does not hold, or none, with the login as
	// it was given.
	loginError struct{ login string }
	// mediaTypeError is a body of another media type.
	mediaTypeError string
	// contextError is an organization or location that the caller has not.
	contextError struct{ kind, id string }
	// notFoundError is a resource that is not there.
	notFoundError struct{ resource, id string }
	// parentError is a user that is not there, where something of his was asked for.
	parentError struct{ id string }
	// validationError is what is wrong with the attributes of a row.
	validationError struct {
		id     int64 // of the row; zero: it is new
		fields []fieldError
	}
)

type fieldError struct {
	field string
	texts []string
}

var errTooManyTries = core.Errorf(core.Limited, "too many failed logins")

func (e syntaxError) Error() string    { return "the body is no JSON" }
func (e loginError) Error() string     { return "the login failed" }
func (e mediaTypeError) Error() string { return "unsupported media type" }
func (e contextError) Error() string   { return "no such " + strings.ToLower(e.kind) }
func (e notFoundError) Error() string  { return "no such " + e.resource }
func (e parentError) Error() string    { return "no such user" }
func (e *validationError) Error() string {
	var fields []string
	for _, f := range e.fields {
		fields = append(fields, f.field)
	}
	return "invalid " + strings.Join(fields, ", ")
}

// add notes a problem, beside others of the field.
func (e *validationError) add(field, text string) {
	for i := range e.fields {
		if e.fields[i].field == field {
			e.fields[i].texts = append(e.fields[i].texts, text)
			return
		}
	}
	e.fields = append(e.fields, fieldError{field, []string{text}})
}

func (e *validationError) err() error {
	if len(e.fields) == 0 {
		return nil
	}
	return e
}

type (
	errorBody struct {
		Error any `json:"error"`
	}
	messageBody struct {
		Message string `json:"message"`
		Class   string `json:"class,omitempty"`
	}
	deniedBody struct {
		Message string   `json:"message"`
		Details string   `json:"details"`
		Missing []string `json:"missing_permissions"`
	}
	statusBody struct {
		Status int    `json:"status"`
		Error  string `json:"error"`
	}
	validationBody struct {
		ID       *int64   `json:"id"`
		Errors   byField  `json:"errors"`
		Messages []string `json:"full_messages"`
	}
)

// byField are problems as an object whose members keep their order.
type byField []fieldError

// MarshalJSON writes the object.
func (l byField) MarshalJSON() ([]byte, error) {
	o := make(object, len(l))
	for i, f := range l {
		o[i] = member{f.field, f.texts}
	}
	return o.MarshalJSON()
}

// Error is the reply to a request that failed.
func (f *foreman) Error(r *http.Request, err error) face.Reply {
	status, body := answer(err)
	header := exchangeOf(r).headers()
	if errors.Is(err, core.ErrSignInOver) {
		header.Set("Content-Type", "text/plain; charset=utf-8")
		header.Set("Set-Cookie", sessionCookie+"=; path=/; max-age=0; HttpOnly; SameSite=Lax")
		return face.Reply{Status: status, Header: header, Body: []byte{}}
	}
	if status == http.StatusServiceUnavailable {
		header.Set("Retry-After", face.RetryAfter(err).Get("Retry-After"))
	}
	header.Del("Cache-Control")
	return face.Reply{Status: status, Header: header, Body: body}
}

// answer gives the status and body for an error: the only place that knows both.
func answer(err error) (int, any) {
	var (
		syntax     syntaxError
		login      loginError
		mediaType  mediaTypeError
		context    contextError
		notFound   notFoundError
		parent     parentError
		validation *validationError
		search     *scopedsearch.Error
		missing    lostError
	)
	switch {
	case errors.As(err, &syntax):
		text := "There was a problem in the JSON you submitted: unexpected token at '" + syntax.rest + "'"
		return http.StatusBadRequest, statusBody{http.StatusBadRequest, text}
	case errors.As(err, &login):
		return http.StatusUnauthorized, message("Unable to authenticate user " + login.login)
	case errors.Is(err, core.ErrDisabled):
		return http.StatusUnauthorized, message("User account is disabled, please contact your administrator")
	case errors.Is(err, core.ErrSignInOver):
		return http.StatusUnauthorized, nil
	case errors.Is(err, errTooManyTries):
		return http.StatusUnauthorized, message("Too many tries, please try again in a few minutes.")
	case errors.As(err, &mediaType):
		return http.StatusUnsupportedMediaType, message("Media type in 'Content-Type: " + string(mediaType) +
			"' is unsupported in API v2 for POST and PUT requests. Please use 'Content-Type: application/json'.")
	case errors.As(err, &context):
		return http.StatusNotFound, messageBody{Message: fmt.Sprintf("%s with id %s not found", context.kind, context.id)}
	case errors.As(err, &notFound):
		return http.StatusNotFound, message(fmt.Sprintf("Resource %s not found by id '%s'", notFound.resource, notFound.id))
	case errors.As(err, &parent):
		return http.StatusUnprocessableEntity, message("Couldn't find User with 'id'=" + parent.id)
	case errors.As(err, &validation):
		return http.StatusUnprocessableEntity, errorBody{validation.body()}
	case errors.As(err, &missing):
		return http.StatusUnprocessableEntity, message("Couldn't find " + string(missing))
	case errors.As(err, &search):
		return http.StatusBadRequest, errorBody{messageBody{search.Msg, search.Class}}
	case errors.Is(err, face.ErrTooLarge):
		return http.StatusRequestEntityTooLarge, message("The request is too large")
	}
	return answerKind(err)
}

func message(text string) errorBody { return errorBody{messageBody{Message: text}} }

// answerKind is for errors of core without words of the product.
func answerKind(err error) (int, any) {
	e := face.ErrorOf(err)
	switch e.Kind {
	case core.Unauthenticated:
		return http.StatusUnauthorized, message("Unable to authenticate user ")
	case core.Denied:
		return http.StatusForbidden, errorBody{denied(err, e)}
	case core.NotFound:
		return http.StatusNotFound, message("Resource not found")
	case core.Invalid:
		return http.StatusUnprocessableEntity, errorBody{ofFields(e).body()}
	case core.Conflict:
		return http.StatusUnprocessableEntity, errorBody{ofFields(e).body()}
	case core.Limited:
		return http.StatusTooManyRequests, message("Too many requests, please try again later")
	case core.Unavailable:
		return http.StatusServiceUnavailable, message("The server cannot answer at the moment, please try again")
	default:
		return http.StatusInternalServerError, message("Internal Server Error: the server was unable to finish the request. " +
			"This may be caused by unavailability of some required service, incorrect API call or a server-side bug. " +
			"There may be more information in the server's logs.")
	}
}

func denied(err error, e *core.Error) deniedBody {
	if missing, ok := errors.AsType[core.MissingRight](err); ok {
		name := string(missing.Right)
		return deniedBody{"Access denied", "Missing one of the required permissions: " + name, []string{name}}
	}
	details := e.Msg
	if errors.Is(err, core.ErrSelf) {
		details = "You are trying to delete your own account"
	}
	return deniedBody{Message: "Access denied", Details: details}
}

// ofFields gives core's problems that no action has words for.
func ofFields(e *core.Error) *validationError {
	v := &validationError{}
	for _, f := range e.Fields {
		v.add(f.Path, f.Msg)
	}
	if len(e.Fields) == 0 {
		v.add("base", e.Msg)
	}
	return v
}

func (e *validationError) body() validationBody {
	b := validationBody{Errors: e.fields, Messages: []string{}}
	if e.id != 0 {
		b.ID = &e.id
	}
	for _, f := range e.fields {
		for _, text := range f.texts {
			b.Messages = append(b.Messages, strings.TrimSpace(human(f.field)+" "+text))
		}
	}
	return b
}

// human is the name of a field in a sentence; what concerns the whole row has none.
func human(field string) string {
	if field == "base" {
		return ""
	}
	name := strings.ReplaceAll(strings.TrimSuffix(field, "_id"), "_", " ")
	return strings.ToUpper(name[:1]) + name[1:]
}

// Encode gives the JSON of a body.
func (f *foreman) Encode(body any) ([]byte, string, error) {
	data, err := face.JSON(body)
	return data, contentType, err
}

const notFoundPage = `<!DOCTYPE html>
<html>
<head><title>The page you were looking for doesn't exist (404)</title></head>
<body><h1>The page you were looking for doesn't exist.</h1></body>
</html>
`

// Missing is the reply where nothing is, which to the product is the same for
// paths and methods.
func (f *foreman) Missing(r *http.Request, _ []string) face.Reply {
	if strings.Contains(strings.Join(r.Header.Values("Accept"), ","), "json") {
		data, _ := face.JSON(statusBody{http.StatusNotFound, "Not Found"}) // it holds nothing that JSON cannot say
		return face.Reply{Status: http.StatusNotFound, Header: http.Header{"Content-Type": {"application/json; charset=UTF-8"}}, Body: data}
	}
	return face.Reply{Status: http.StatusNotFound, Header: http.Header{"Content-Type": {"text/html; charset=UTF-8"}}, Body: []byte(notFoundPage)}
}

// lostError is an id, in a list of a user's, of a thing that is not there.
type lostError string

func (e lostError) Error() string { return "no such " + lower(string(e)) }
