package scopedsearch

import (
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"

	"keyrack/internal/core"
)

// Parse gives the filter that a query asks for; nil where it restricts nothing.
// Days begin and end in the zone of now. Errors are of type [*Error].
func Parse(query string, fields Fields, now time.Time) (core.Filter, error) {
	n, err := read(query)
	if err != nil {
		return nil, err
	}
	return translator{fields, now}.filter(n)
}

// translator gives the parts of a query their meaning. Its methods give nil for
// a part that restricts nothing.
type translator struct {
	fields Fields
	now    time.Time
}

func (t translator) filter(n node) (core.Filter, error) {
	switch n := n.(type) {
	case bareWord:
		return t.bareWord(string(n))
	case negation:
		f, err := t.filter(n.of)
		if f == nil || err != nil {
			return nil, err
		}
		return core.Not{Of: f}, nil
	case group:
		return t.group(n)
	}
	return t.test(n.(test))
}

func (t translator) group(g group) (core.Filter, error) {
	var parts []core.Filter
	for _, n := range g.of {
		f, err := t.filter(n)
		if err != nil {
			return nil, err
		}
		parts = append(parts, f)
	}
	return join(g.op, parts), nil
}

// join gives the parts that restrict something joined by and or or, without
// parentheses that are not needed. An empty part is kept, for it says all or none.
func join(op kind, parts []core.Filter) core.Filter {
	var flat []core.Filter
	for _, f := range parts {
		switch f := f.(type) {
		case nil:
			continue
		case core.And:
			if op == and && len(f) > 0 {
				flat = append(flat, f...)
				continue
			}
		case core.Or:
			if op == or && len(f) > 0 {
				flat = append(flat, f...)
				continue
			}
		}
		flat = append(flat, f)
	}
	switch {
	case len(flat) == 0:
		return nil
	case len(flat) == 1:
		return flat[0]
	case op == or:
		return core.Or(flat)
	}
	return core.And(flat)
}

// bareWord looks for a word in the default fields, unless it is the name of a
// flag, which it then asks for.
func (t translator) bareWord(text string) (core.Filter, error) {
	if f, ok := t.fields.byName(text); ok && f.Type == Flag {
		return f.is(core.Equal, true), nil
	}
	return t.defaults(like, text), nil
}

// defaults compares the default fields, which only these operators can.
func (t translator) defaults(op kind, value string) core.Filter {
	if !slices.Contains([]kind{eq, ne, like, unlike}, op) {
		return nil
	}
	var any []core.Filter
	for _, f := range t.fields {
		if f.Bare {
			any = append(any, f.text(op, value))
		}
	}
	return join(or, any)
}

func (t translator) test(n test) (core.Filter, error) {
	name, op := n.field, n.op
	if op == null || op == notNull {
		name = n.value
	} else if !n.named {
		return t.defaults(op, n.value), nil
	}
	f, ok := t.fields.byName(name)
	switch {
	case !ok:
		return nil, notSupported("Field '%s' not recognized for searching!", name)
	case op == null:
		return f.is(core.IsUnset, nil), nil
	case op == notNull:
		return core.Not{Of: f.is(core.IsUnset, nil)}, nil
	case f.Type == Integer:
		return f.integer(op, n.value)
	case f.Type == Flag:
		return f.flag(op, n.value)
	case f.Type == Date:
		return f.date(op, n.value, t.now)
	}
	return f.text(op, n.value), nil
}

// is compares the field with a value. What is the same for all items of a list
// is decided here.
func (f Field) is(op core.Op, value any) core.Filter {
	c := core.Compare{Attribute: f.Attribute, Op: op, Value: value}
	switch {
	case f.Unset != nil && op == core.IsUnset:
		return core.Compare{Attribute: f.Attribute, Op: core.Equal, Value: f.Unset}
	case f.Unset != nil:
		return core.And{c, core.Compare{Attribute: f.Attribute, Op: core.NotEqual, Value: f.Unset}}
	case f.Attribute != "":
		return c
	case core.Holds(c, func(core.Attribute) any { return f.Value }):
		return core.And{}
	}
	return core.Or{}
}

var comparisons = map[kind]core.Op{ //nolint:exhaustive // the others compare nothing
	eq: core.Equal, ne: core.NotEqual, gt: core.Greater, gte: core.GreaterOrEqual,
	lt: core.Less, lte: core.LessOrEqual, in: core.OneOf, notIn: core.NotOneOf,
	like: core.Like, unlike: core.NotLike,
}

func (f Field) text(op kind, value string) core.Filter {
	switch op {
	case like, unlike:
		return f.is(comparisons[op], pattern(value))
	case in, notIn:
		members := []any{}
		for _, m := range split(value) {
			members = append(members, strings.Trim(m, blanks))
		}
		return f.is(comparisons[op], members)
	default:
		return f.is(comparisons[op], value)
	}
}

var wildcards = regexp.MustCompile(`[%*]+`)

// pattern is what a value of like is compared as: anchored where it has a
// wildcard, else found anywhere. A star after a backslash is a plain "%", since
// wildcards become SQL's before they are read.
func pattern(value string) string {
	if !wildcards.MatchString(value) {
		return "%" + value + "%"
	}
	return wildcards.ReplaceAllString(value, "%")
}

// split gives the members of a list, without empty ones at its end.
func split(list string) []string {
	list = strings.TrimRight(list, ",")
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

var integerForm = regexp.MustCompile(`^-?[0-9]+$`)

func (f Field) integer(op kind, value string) (core.Filter, error) {
	members := []string{value}
	if op == in || op == notIn {
		members = split(value)
	}
	var numbers []any
	for _, m := range members {
		if !integerForm.MatchString(m) {
			return nil, notSupported("Value '%s' is not valid for field '%s'", m, f.Name)
		}
	}
	switch op {
	case like, unlike:
		return nil, f.unsupported(op)
	case in, notIn:
		for _, m := range members {
			if n, side := number(m); side == 0 {
				numbers = append(numbers, n)
			}
		}
		return f.is(comparisons[op], numbers), nil
	default:
		n, side := number(value)
		if side != 0 {
			return f.beyond(comparisons[op], side), nil
		}
		return f.is(comparisons[op], n), nil
	}
}

// number reads an integer. side tells whether it is below (-1) or above (1) all
// that can be stored.
func number(text string) (n int64, side int) {
	big, _ := new(big.Int).SetString(text, 10)
	if !big.IsInt64() {
		return 0, big.Sign()
	}
	return big.Int64(), 0
}

// beyond compares with an integer that nothing stored reaches.
func (f Field) beyond(op core.Op, side int) core.Filter {
	smaller := op == core.Less || op == core.LessOrEqual
	greater := op == core.Greater || op == core.GreaterOrEqual
	if op == core.NotEqual || smaller && side > 0 || greater && side < 0 {
		return core.Not{Of: f.is(core.IsUnset, nil)}
	}
	return core.Or{}
}

func (f Field) flag(op kind, value string) (core.Filter, error) {
	switch {
	case value != "true" && value != "false":
		return nil, notSupported("'%s' should be one of 'true, false', but the query was '%s'", f.Name, value)
	case op != eq && op != ne:
		return nil, notSupported("Operator '%s' not supported for '%s'", op.name(), f.Name)
	}
	return f.is(comparisons[op], value == "true"), nil
}

func (f Field) date(op kind, value string, now time.Time) (core.Filter, error) {
	first, span := readDate(value, now)
	if first.IsZero() {
		return nil, nil // a text that is no date drops the condition
	}
	after := span.after(first)
	switch op {
	case eq:
		return core.And{f.is(core.GreaterOrEqual, first), f.is(core.Less, after)}, nil
	case ne:
		return core.Or{f.is(core.Less, first), f.is(core.GreaterOrEqual, after)}, nil
	case gt:
		if span.whole() {
			return f.is(core.GreaterOrEqual, after), nil
		}
	case lte:
		if span.whole() {
			return f.is(core.Less, after), nil
		}
	case like, unlike:
		return nil, f.unsupported(op)
	case in, notIn:
		return nil, notSupported("Operator '%s' not supported for '%s'", op.name(), f.Name)
	default: // the moment itself
	}
	return f.is(comparisons[op], first), nil
}

func (f Field) unsupported(op kind) error {
	return notSupported("the operator '%s' is not supported for field type '%s'", op.name(), f.Type.name())
}
