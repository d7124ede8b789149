package core

import (
	"bytes"
	"cmp"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
)

// Holds tells whether a filter holds for an item whose attributes valueOf gives:
// nil for one that is not set, a []any for one with several values. It is for
// lists that are not kept in a store, and says what the store's answers mean.
func Holds(f Filter, valueOf func(Attribute) any) bool {
	holds := func(part Filter) bool { return Holds(part, valueOf) }
	switch f := f.(type) {
	case And:
		return !slices.ContainsFunc(f, func(part Filter) bool { return !holds(part) })
	case Or:
		return slices.ContainsFunc(f, holds)
	case Not:
		return !holds(f.Of)
	case Compare:
		return f.holds(valueOf(f.Attribute))
	}
	return true
}

// holds compares with the value of an item; of several, one is enough.
func (c Compare) holds(have any) bool {
	if several, ok := have.([]any); ok && c.Op != IsUnset {
		return slices.ContainsFunc(several, c.holds)
	} else if ok {
		return len(several) == 0
	}
	switch c.Op {
	case IsUnset:
		return have == nil
	case Contains, Like, NotLike:
		text, ok := have.(string)
		return ok && c.matches(text)
	case OneOf, NotOneOf:
		return have != nil && oneOf(have, c.Value.([]any)) == (c.Op == OneOf)
	case Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual:
		order, ok := compareValues(have, c.Value)
		return ok && c.Op.allows(order)
	}
	return false
}

func oneOf(have any, values []any) bool {
	return slices.ContainsFunc(values, func(v any) bool {
		order, ok := compareValues(have, v)
		return ok && order == 0
	})
}

// allows tells whether the comparison holds for two values in that order.
func (o Op) allows(order int) bool {
	switch o {
	case Equal:
		return order == 0
	case NotEqual:
		return order != 0
	case Less:
		return order < 0
	case LessOrEqual:
		return order <= 0
	case Greater:
		return order > 0
	default: // GreaterOrEqual, the only other that is asked for an order
		return order >= 0
	}
}

// compareValues orders two values of one type; it is not ok where one of them
// is none, or the types differ.
func compareValues(a, b any) (order int, ok bool) {
	switch a := a.(type) {
	case string:
		b, ok := b.(string)
		return strings.Compare(a, b), ok
	case bool:
		b, ok := b.(bool)
		return cmp.Compare(number(a), number(b)), ok
	case time.Time:
		b, ok := b.(time.Time)
		return a.Compare(b), ok
	case uuid.UUID:
		b, ok := b.(uuid.UUID)
		return bytes.Compare(a[:], b[:]), ok
	case []byte:
		b, ok := b.([]byte)
		return bytes.Compare(a, b), ok
	}
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	if !x.IsValid() || !y.IsValid() || !x.CanInt() || !y.CanInt() {
		return 0, false
	}
	return cmp.Compare(x.Int(), y.Int()), true
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (c Compare) matches(text string) bool {
	value := c.Value.(string)
	if c.Op == Contains {
		return strings.Contains(FoldCase(text), FoldCase(value))
	}
	return matchLike([]rune(FoldCase(text)), []rune(FoldCase(value))) == (c.Op == Like)
}

// FoldCase gives the text in which upper and lower case look alike to Contains
// and Like. It has as many characters as the text.
func FoldCase(text string) string { return strings.Map(unicode.ToLower, text) }

// matchLike tells whether text has the form of pattern. It goes back to the
// latest % alone, so that no pattern takes long.
func matchLike(text, pattern []rune) bool {
	t, p := 0, 0
	again, from := -1, 0 // where to go on in the pattern and in the text after a mismatch
	for t < len(text) {
		one, width := likeStep(pattern[p:])
		switch {
		case one == '%' && width == 1:
			again, from = p+1, t
			p++
		case width > 0 && (width == 1 && one == '_' || one == text[t]):
			t, p = t+1, p+width
		case again >= 0:
			from++
			t, p = from, again
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '%' {
		p++
	}
	return p == len(pattern)
}

// likeStep gives the character that a pattern asks for next and how much of the
// pattern that is: 2 where it stands behind a backslash, 0 at the end.
func likeStep(pattern []rune) (one rune, width int) {
	switch {
	case len(pattern) == 0:
		return 0, 0
	case pattern[0] == '\\' && len(pattern) > 1:
		return pattern[1], 2
	}
	return pattern[0], 1
}
