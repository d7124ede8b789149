package scopedsearch

import (
	"fmt"

	"keyrack/internal/core"
)

// NotSupported is the class that the product names beside what it cannot search
// or order by.
const NotSupported = "ScopedSearch::QueryNotSupported"

// Error says why a query, an order or a page cannot be answered. It is a
// [core.Error] of kind [core.Invalid] to those who ask.
type Error struct {
	Msg   string // the product's words; may hold parts of the query
	Class string // of the product's exception; empty where it names none
}

func (e *Error) Error() string { return e.Msg }

func (e *Error) Unwrap() error { return &core.Error{Kind: core.Invalid, Msg: e.Msg} }

func notSupported(format string, args ...any) error {
	return &Error{Msg: fmt.Sprintf(format, args...), Class: NotSupported}
}
