package raidboxes

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"keyrack/internal/core"
	"keyrack/internal/face"
	"keyrack/internal/sshkey"
)

// invalidError is a request whose fields are wrong.
type invalidError struct{ details }

func invalid(d details) error { return &invalidError{d} }

// Error is for the log, and repeats nothing of what was sent.
func (e *invalidError) Error() string { return e.summary() }

var errMediaType = errors.New("a media type that is not read")

func say(format string, args ...any) []message {
	return []message{{fmt.Sprintf(format, args...)}}
}

// all are the messages in the order of the rules.
func (d details) all() []message {
	var all []message
	for _, of := range [][]message{d.Title, d.Key, d.Email, d.Password, d.Code} {
		all = append(all, of...)
	}
	return all
}

func (d details) count() int { return len(d.all()) }

// summary is the message of the whole. It counts messages, not fields (Laravel,
// ValidationException).
func (d details) summary() string {
	all := d.all()
	switch more := len(all) - 1; {
	case more < 0:
		return "The given data was invalid."
	case more == 0:
		return all[0].Message
	case more == 1:
		return all[0].Message + " (and 1 more error)"
	default:
		return fmt.Sprintf("%s (and %d more errors)", all[0].Message, more)
	}
}

// Error is the reply to a request that failed before a handler had it: its
// credentials are no good, or it broke something.
func (p *protocol) Error(r *http.Request, err error) face.Reply { return p.uncounted(r, err) }

// Missing is the reply to a request that no endpoint takes.
func (p *protocol) Missing(r *http.Request, allow []string) face.Reply {
	return p.uncounted(r, &missingError{allow})
}

// missingError is a path, or a method of a path, that is not served.
type missingError struct{ allow []string }

func (e *missingError) Error() string { return "not served" }

// errorReply gives an error the vendor's status and words.
func (p *protocol) errorReply(r *http.Request, err error) face.Reply {
	if e, ok := errors.AsType[*invalidError](err); ok {
		return p.envelope(r, http.StatusBadRequest, e.summary(), &e.details)
	}
	if e, ok := errors.AsType[*missingError](err); ok && len(e.allow) > 0 {
		return p.envelope(r, http.StatusMethodNotAllowed, notAllowed(r, e.allow), nil)
	}
	status, text := statusOf(err)
	reply := p.envelope(r, status, text, nil)
	switch status {
	case http.StatusUnauthorized:
		reply.Header = http.Header{"WWW-Authenticate": {"Bearer"}}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		reply.Header = face.RetryAfter(err)
	}
	return reply
}

const notProcessed = "Request could not be processed."

// statusOf gives the status and the message of an error without details.
func statusOf(err error) (int, string) {
	switch {
	case errors.Is(err, face.ErrTooLarge):
		return http.StatusRequestEntityTooLarge, "The POST data is too large."
	case errors.Is(err, errMediaType):
		return http.StatusUnsupportedMediaType, "Unsupported media type."
	}
	if _, ok := errors.AsType[*missingError](err); ok {
		return http.StatusNotFound, "Request not found."
	}
	switch face.ErrorOf(err).Kind {
	case core.Unauthenticated:
		return http.StatusUnauthorized, "Unauthenticated."
	case core.NotFound:
		return http.StatusNotFound, "Request not found."
	case core.Limited:
		return http.StatusTooManyRequests, "Too Many Attempts."
	case core.Unavailable:
		return http.StatusServiceUnavailable, "Service Unavailable"
	case core.Invalid, core.Conflict, core.Denied: // 403 is never sent
		return http.StatusBadRequest, notProcessed
	case core.Internal:
	}
	return http.StatusInternalServerError, notProcessed
}

func (p *protocol) envelope(r *http.Request, status int, text string, d *details) face.Reply {
	return face.Reply{Status: status, Body: envelope{
		Timestamp: timestamp(p.Now()), Message: text, Path: r.URL.EscapedPath(),
		RequestID: face.RequestOf(r.Context()).ID, Details: d,
	}}
}

func notAllowed(r *http.Request, allow []string) string {
	return fmt.Sprintf("The %s method is not supported for route %s. Supported methods: %s.",
		r.Method, strings.Trim(r.URL.EscapedPath(), "/"), strings.Join(allow, ", "))
}

// take adds what core says about a key, for the fields of which nothing is said
// yet. An error that is not about them is given back.
func (d *details) take(err error) error {
	e := face.ErrorOf(err)
	if len(e.Fields) == 0 || e.Kind != core.Invalid && e.Kind != core.Conflict {
		return err
	}
	for _, f := range e.Fields {
		switch {
		case f.Path == "name" && d.Title == nil:
			d.Title = say("The title field format is invalid.")
		case f.Path == "public_key" && d.Key == nil && e.Kind == core.Conflict:
			d.Key = say("The key has already been taken.")
		case f.Path == "public_key" && d.Key == nil:
			d.Key = []message{{keyMessage(f.Err)}}
		}
	}
	return nil
}

const keyFormat = "The key field format is invalid."

// keyMessage says why a key is refused. The vendor tells badly written keys
// from those that are not wanted, and no more.
func keyMessage(err error) string {
	why, ok := errors.AsType[*sshkey.Error](err)
	switch {
	case !ok:
		return keyFormat // options in front, or a certificate
	case why.Code == sshkey.CodeTooSmall:
		return fmt.Sprintf("The key field must be at least %d bits.", why.Bits)
	case why.Code == sshkey.CodeNotAllowed, why.Code == sshkey.CodeWeak:
		return "The selected key is invalid."
	}
	return keyFormat
}
