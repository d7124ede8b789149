package senhasegura

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

// numbered is an error of PAM Core's own, all of them status 400.
type numbered struct {
	code int
	text string
}

func (n numbered) message() string { return fmt.Sprintf("%d: %s", n.code, n.text) }

// The numbered errors, in the words of the manuals.
var (
	hostnameMissing    = numbered{1004, "The device's hostname was not informed"}
	addressMissing     = numbered{1005, "The device's IP was not informed"}
	credentialNotFound = numbered{1007, "Credential not found"}
	credentialInactive = numbered{1008, "Credential inactive"}
	noAccess           = numbered{1009, "No access to credential"}
	deviceNotFound     = numbered{1011, "Device not found"}
	publicKeyMissing   = numbered{1013, "The public key was not informed"}
	privateKeyMissing  = numbered{1014, "The private key was not informed"}
	keyNotFound        = numbered{1015, "SSH key not found"}
	notAKey            = numbered{1016, "The item is not a ssh key"}
	keyInactive        = numbered{1017, "Key inactive"}
	notInCustody       = numbered{1018, "The credential is not in the user custody"}
	siteMissing        = numbered{1019, "The device's site was not informed"}
	modelMissing       = numbered{1020, "The device's model was not informed"}
	vendorMissing      = numbered{1021, "The device's vendor was not informed"}
	typeMissing        = numbered{1022, "The device's type was not informed"}
	domainUnknown      = numbered{1029, "It is not possible to enter a domain that has not been previously registered"}
	readOnly           = numbered{1039, "Without PAM Configuration Access permission"}
	usernameInvalid    = numbered{1042, "Invalid username"}
	deviceActive       = numbered{1044, "Device is already activated"}
	keyActive          = numbered{1045, "Ssh key is already activated"}
)

// The same codes where the value is there and no good, in our words: the
// manuals have none.
var (
	publicKeyBad  = numbered{1013, "The public key is not valid"}
	privateKeyBad = numbered{1014, "The private key is not valid"}
)

// fault is an error that has its words already.
type fault struct {
	numbered
	detail string // for the exception; empty: null
	err    error  // for the log
}

func (f *fault) Error() string { return f.err.Error() }

func (f *fault) Unwrap() error { return f.err }

func (n numbered) because(err error) error { return &fault{numbered: n, err: err} }

// missing is the error of a field that was not given.
func (n numbered) missing() error {
	return n.because(core.Errorf(core.Invalid, "%s", n.text))
}

var (
	errNoCredentials = core.Errorf(core.Unauthenticated, "no credentials")
	errBadSignature  = core.Errorf(core.Unauthenticated, "the signature does not hold")
	errNoID          = errors.New("a key is asked for without an id")
	errMalformed     = core.Errorf(core.Invalid, "the body could not be read")
)

// malformed is the error of a body that is not what it should be; why is for
// the log, and quotes nothing of it.
func malformed(why string) error { return fmt.Errorf("%w: %s", errMalformed, why) }

const (
	unexpected    = "Unexpected error"
	notAuthorized = "You are not authorized to access this resource."
)

// Encode gives JSON in which nothing is escaped for HTML: values are to come
// back as they were sent.
func (*protocol) Encode(body any) ([]byte, string, error) {
	data, err := face.JSON(body)
	return data, "application/json", err
}

// Missing is the answer to an unknown path or method: the gateway's to a
// stranger, the product's own to others.
func (*protocol) Missing(r *http.Request, _ []string) face.Reply {
	if !hasCredentials(r) {
		return gatewayReply()
	}
	return face.Reply{Status: http.StatusNotFound, Body: failed(http.StatusNotFound, "Resource sub not found", 4, nil)}
}

// gatewayReply is what the Kong gateway answers where a route wants credentials
// and there are none. It knows no envelope.
func gatewayReply() face.Reply {
	return face.Reply{Status: http.StatusNotFound, Body: struct {
		Message string `json:"message"`
	}{"no Route matched with those values"}}
}

// Error is the answer to a request that failed.
func (p *protocol) Error(r *http.Request, err error) face.Reply {
	if f, ok := errors.AsType[*fault](err); ok {
		e := &exception{Code: f.code, Message: f.message()}
		if f.detail != "" {
			e.Detail = &f.detail
		}
		return face.Reply{Status: http.StatusBadRequest, Body: failed(http.StatusBadRequest, f.message(), 1, e)}
	}
	e := face.ErrorOf(err)
	switch e.Kind {
	case core.Unauthenticated:
		return strangerReply(err)
	case core.Denied:
		return p.deniedReply(r, err)
	case core.Invalid, core.Conflict, core.NotFound:
		return inputReply(err, e)
	case core.Limited:
		reply := failure(http.StatusTooManyRequests, "Too many requests")
		reply.Header = face.RetryAfter(err)
		return reply
	case core.Unavailable:
		return unavailableReply(err)
	default:
		return brokenReply()
	}
}

// failure is an error without a number: its exception has the status instead.
func failure(status int, message string) face.Reply {
	return face.Reply{Status: status, Body: failed(status, message, 1, &exception{Code: status, Message: message})}
}

func brokenReply() face.Reply {
	const status = http.StatusInternalServerError
	return face.Reply{Status: status, Body: failed(status, unexpected, 1,
		&exception{Code: status, Message: "Check the index log system error for more details"})}
}

// strangerReply is the answer to credentials that are not there or do not hold.
func strangerReply(err error) face.Reply {
	var reply face.Reply
	challenge := `Bearer error="invalid_token"`
	switch {
	case errors.Is(err, errNoCredentials):
		return gatewayReply()
	case errors.Is(err, core.ErrInactive):
		reply = failure(http.StatusUnauthorized, "Inactive authorization")
	case errors.Is(err, errBadSignature):
		reply, challenge = failure(http.StatusUnauthorized, "Invalid signature"), "OAuth"
	default:
		reply = failure(http.StatusUnauthorized, "Client authentication failed")
	}
	reply.Header = http.Header{"Www-Authenticate": {challenge}}
	return reply
}

// deniedReply is the answer to an authorization that may not do this.
func (p *protocol) deniedReply(r *http.Request, err error) face.Reply {
	if errors.Is(err, core.ErrReadOnly) {
		return p.Error(r, readOnly.because(err))
	}
	status := http.StatusInternalServerError
	if s, err := p.settings(r.Context()); err == nil {
		status = s.DeniedStatus
	}
	return failure(status, notAuthorized)
}

// inputReply is the answer to what has no number. What is wrong with a field
// stands in the exception.
func inputReply(err error, e *core.Error) face.Reply {
	status := http.StatusBadRequest
	if errors.Is(err, face.ErrTooLarge) {
		status = http.StatusRequestEntityTooLarge
	}
	out := &exception{Code: status, Message: unexpected}
	if len(e.Fields) > 0 {
		detail := e.Fields[0].Path + " " + e.Fields[0].Msg
		out.Detail = &detail
	}
	return face.Reply{Status: status, Body: failed(status, unexpected, 1, out)}
}

func unavailableReply(err error) face.Reply {
	if errors.Is(err, context.DeadlineExceeded) {
		return failure(http.StatusGatewayTimeout, "Request timed out.")
	}
	reply := failure(http.StatusServiceUnavailable, unexpected)
	reply.Header = face.RetryAfter(err)
	return reply
}
