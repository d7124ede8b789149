package core

import (
	"errors"
	"fmt"
	"strings"
)

// Kind says what sort of failure an [Error] is. The set is closed: a face maps
// each kind to its product's status and wording.
type Kind uint8

// The kinds of failure.
const (
	Internal        Kind = iota // a defect or a broken machine; the text stays inside
	Invalid                     // the input breaks a rule; Fields say which
	Unauthenticated             // no credential, or one that does not hold
	Denied                      // the actor may know of the thing but not do this
	NotFound                    // not there, or not for this actor's eyes
	Conflict                    // the state forbids it: taken, finished, already there
	Limited                     // too many; try later
	Unavailable                 // the store or another part cannot answer now
)

func (k Kind) String() string {
	names := [...]string{"internal", "invalid", "unauthenticated", "denied", "not found", "conflict", "limited", "unavailable"}
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Error is a failure with a meaning for the caller. Any other error that comes
// out of core is of kind [Internal].
type Error struct {
	Kind   Kind
	Msg    string  // may be shown to the caller
	Fields []Field // what was wrong where, in domain names
	Err    error   // for the log alone
}

// Field is one problem at one place of the input.
type Field struct {
	Path   string // in domain names, as "keys[2].public_key"
	Msg    string
	Reason Reason // zero: the message says it all
	Err    error  // what Msg tells, for who says it in other words; of a key an [*sshkey.Error]; nil: nothing more
}

// Reason is what a face needs to know of a problem to say it in its product's
// words, where the place of the problem does not tell.
type Reason uint8

// The reasons.
const (
	_          Reason = iota
	Taken             // another one has it
	Absent            // it names what is not there
	NotAmong          // it is not one of those it has to be one of
	OutOfReach        // the actor may not give or take it
	OwnAccount        // the actor may not do it to himself
	LastAdmin         // somebody has to stay who manages everything
)

// Error gives the text for the log: the message, the fields and the cause.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Msg)
	for i, f := range e.Fields {
		if i > 0 || e.Msg != "" {
			b.WriteString("; ")
		}
		b.WriteString(f.Path + ": " + f.Msg)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf gives the kind of err, [Internal] where it has none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Errorf makes an error of the given kind whose message may be shown.
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Msg: fmt.Sprintf(format, args...)}
}

// as gives known for an error of the same kind, so that two reasons for one
// answer cannot be told apart.
func as(known *Error, err error) error {
	if err != nil && KindOf(err) == known.Kind {
		return known
	}
	return err
}

// invalid makes the error for one bad field.
func invalid(path, format string, args ...any) *Error {
	return &Error{Kind: Invalid, Msg: "invalid input", Fields: []Field{{Path: path, Msg: fmt.Sprintf(format, args...)}}}
}

// problems gathers what is wrong with an input, so that all of it is said at once.
type problems []Field

func (p *problems) addf(path, format string, args ...any) {
	*p = append(*p, Field{Path: path, Msg: fmt.Sprintf(format, args...)})
}

// add is addf with a reason.
func (p *problems) add(path string, why Reason, format string, args ...any) {
	*p = append(*p, Field{Path: path, Msg: fmt.Sprintf(format, args...), Reason: why})
}

// because is addf for what an error says.
func (p *problems) because(path string, err error) {
	*p = append(*p, Field{Path: path, Msg: err.Error(), Err: err})
}

// take notes what err says about the input, below prefix. An error of another
// kind says nothing about the input: it is given back, and nil for all else.
func (p *problems) take(prefix string, err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Kind != Invalid && e.Kind != Conflict && e.Kind != NotFound {
		return err
	}
	if len(e.Fields) == 0 {
		p.addf(prefix, "%s", e.Msg)
	}
	p.within(prefix, e.Fields)
	return nil
}

// within takes over what was found below prefix.
func (p *problems) within(prefix string, found []Field) {
	for _, f := range found {
		*p = append(*p, Field{Path: joinPath(prefix, f.Path), Msg: f.Msg, Reason: f.Reason, Err: f.Err})
	}
}

func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Msg: "invalid input", Fields: p}
}

func joinPath(prefix, path string) string {
	switch {
	case prefix == "":
		return path
	case path == "":
		return prefix
	}
	return prefix + "." + path
}

// conflictAt gives the errTaken of a uniqueness check its field; other errors pass.
func conflictAt(err error, path, msg string) error {
	if !errors.Is(err, errTaken) {
		return err
	}
	return &Error{Kind: Conflict, Msg: path + " " + msg, Fields: []Field{{Path: path, Msg: msg, Reason: Taken}}}
}
