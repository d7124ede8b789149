package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"

	"keyrack/internal/core"
)

// translateCommon turns errors that are the same with every driver into those
// of core. What is left is a defect: an error of no kind, which is internal.
func translateCommon(err error) error {
	if _, ok := errors.AsType[*core.Error](err); ok {
		return err
	}
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded, driver.ErrBadConn, sql.ErrConnDone, errClosed} {
		if errors.Is(err, cause) {
			return unavailable(err)
		}
	}
	return err
}

// taken is the error of a value that a unique constraint has already. The name
// of the constraint, or the driver's words for it, has those of its columns.
func taken(err error, constraint string) error {
	if strings.Contains(constraint, "short_id") {
		err = errors.Join(errDrawnAgain, err)
	}
	return &core.Error{Kind: core.Conflict, Msg: "already taken", Err: err}
}

// errDrawnAgain says that a random id is in use already.
var errDrawnAgain = errors.New("the short id is in use")

// redraw tries a change again that drew a short id which is in use. Products
// want eight characters: among a million keys two that are the same are as
// likely as not.
func redraw(change func() error) (err error) {
	for range 3 {
		if err = change(); !errors.Is(err, errDrawnAgain) {
			return err
		}
	}
	return err
}

func dangling(err error) error {
	return &core.Error{Kind: core.Conflict, Msg: "refers to what is not there, or is referred to", Err: err}
}
