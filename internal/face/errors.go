package face

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"keyrack/internal/core"
)

// ErrTooLarge is the error of a body over [Options.MaxBody].
var ErrTooLarge = core.Errorf(core.Invalid, "the body is too large")

// errBroken is the error of a handler that panicked. The cause is for the log.
var errBroken = errors.New("the handler panicked")

// ErrorOf gives what a face may tell of an error: that of core in it, or one
// with the kind it amounts to. Work that ran out of time is not broken, it is
// too slow just now; what else is no error of core's is Internal.
func ErrorOf(err error) *core.Error {
	if e, ok := errors.AsType[*core.Error](err); ok {
		return e
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &core.Error{Kind: core.Unavailable, Err: err}
	}
	return &core.Error{Kind: core.Internal, Err: err}
}

// TooMany is the error of a caller who used up what a limit allows and should
// wait that long.
func TooMany(wait time.Duration) error { return &waitError{wait} }

type waitError struct{ wait time.Duration }

func (e *waitError) Error() string { return "rate limit exceeded" }

// Unwrap gives it its kind.
func (e *waitError) Unwrap() error { return errLimited }

var errLimited = core.Errorf(core.Limited, "rate limit exceeded")

// RetryAfter is the header that says when it is worth to try again, in whole
// seconds (RFC 9110, 10.2.3): what the error knows, or else a moment for
// [core.Limited] and 5 seconds for [core.Unavailable].
func RetryAfter(err error) http.Header {
	wait := 5 * time.Second
	if e, ok := errors.AsType[*waitError](err); ok {
		wait = e.wait
	} else if ErrorOf(err).Kind == core.Limited {
		wait = time.Second
	}
	return http.Header{"Retry-After": {strconv.Itoa(int(math.Ceil(wait.Seconds())))}}
}
