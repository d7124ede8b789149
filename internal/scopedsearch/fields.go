package scopedsearch

import (
	"strings"

	"keyrack/internal/core"
)

// Type is what the values of a field are.
type Type uint8

// The types of fields.
const (
	Text    Type = iota
	Integer      // an optional minus and digits
	Flag         // true or false
	Date         // a moment; what is written may be a day, a month or a year
)

// String is the type as descriptions of lists name it.
func (t Type) String() string { return t.name() }

// name is the type as messages have it.
func (t Type) name() string { return [...]string{"string", "integer", "boolean", "datetime"}[t] }

// Field is one thing that a list can be searched and ordered by.
type Field struct {
	Name string
	Type Type

	// Attribute is what is compared. Without it the field has Value for all
	// items of the list, and where that is nil too it is never set.
	Attribute core.Attribute
	Value     any

	// Unset is the value that the attribute has where the field is not set, as
	// "" of a text. nil: the attribute is not set either.
	Unset any

	Bare bool // a word without a field searches it; texts only
	Many bool // an item may have several values: no order goes by it
}

// Fields are those of one list, in the order of its description.
type Fields []Field

// byName finds a field. A name is compared exactly.
func (all Fields) byName(name string) (Field, bool) {
	for _, f := range all {
		if f.Name == name {
			return f, true
		}
	}
	return Field{}, false
}

// Order is how a list is asked to be ordered.
type Order struct {
	By        []core.Order // nil: as the list is by itself
	Name      string       // the field and the direction as they were written, for the reply
	Direction string
}

// ParseOrder reads "field" or "field DESC". A blank text is no order. Anything
// but "desc" after the field, in any case, means ascending.
func ParseOrder(text string, fields Fields) (Order, error) {
	if strings.Trim(text, blanks) == "" {
		return Order{}, nil
	}
	name, rest := text, ""
	if i := strings.IndexAny(text, blanks); i >= 0 {
		name, rest = text[:i], strings.TrimLeft(text[i:], blanks)
	}
	f, ok := fields.byName(name)
	if !ok || f.Many {
		return Order{}, notSupported("the field '%s' in the order statement is not valid field for search", name)
	}
	o := Order{Name: name, Direction: "ASC"}
	if words := strings.FieldsFunc(rest, isBlank); len(words) > 0 {
		o.Direction = words[0]
	}
	if f.Attribute != "" {
		o.By = []core.Order{{Attribute: f.Attribute, Descending: strings.ToLower(rest) == "desc"}}
	}
	return o, nil
}

func isBlank(r rune) bool { return strings.ContainsRune(blanks, r) }
