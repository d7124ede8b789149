package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

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

func taken(err error) error {
	return &core.Error{Kind: core.Conflict, Msg: "already taken", Err: err}
}

func dangling(err error) error {
	return &core.Error{Kind: core.Conflict, Msg: "refers to what is not there, or is referred to", Err: err}
}
