package face

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// Object is a JSON object whose members keep their order, as clients of a
// product have always seen them.
type Object []Member

// Member is one name of an object with its value. It is an alias, so that faces
// write {"name", value}: for a named type of another package, go vet wants the
// names of the fields.
type Member = struct {
	Name  string
	Value any
}

// MarshalJSON writes the members in their order.
func (o Object) MarshalJSON() ([]byte, error) { return o.append(nil) }

// Written is a value that appends its own JSON. A list of hundreds of objects is
// written so without making members of them first.
type Written func(b []byte) []byte

// MarshalJSON gives what is written.
func (w Written) MarshalJSON() ([]byte, error) { return w(nil), nil }

// JSON gives compact JSON with its text as it is: <, > and & are not escaped.
func JSON(v any) ([]byte, error) { return appendJSON(make([]byte, 0, commonReply), v) }

// commonReply is as long as most replies that show one thing, in bytes.
const commonReply = 1024

func (o Object) append(b []byte) (_ []byte, err error) {
	b = append(b, '{')
	for i, m := range o {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendJSON(b, m.Name); err != nil {
			return nil, err
		}
		if b, err = appendJSON(append(b, ':'), m.Value); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

// appendJSON writes the values that lists of objects are made of by itself:
// encoding/json would write each of them, read it again and copy it, level by
// level. All else it leaves to that package.
func appendJSON(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case Written:
		return v(b), nil
	case Object:
		return v.append(b)
	case []Object:
		return appendList(b, v)
	case []any:
		return appendList(b, v)
	case string:
		return AppendText(b, v), nil
	case int:
		return strconv.AppendInt(b, int64(v), 10), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case *string:
		if v != nil {
			return AppendText(b, *v), nil
		}
	}
	return encode(b, v)
}

// AppendText appends a text as JSON has it.
func AppendText(b []byte, text string) []byte {
	if isLiteral(text) {
		return append(append(append(b, '"'), text...), '"')
	}
	b, _ = encode(b, text) // there is no text that cannot be written
	return b
}

func encode(b []byte, v any) ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return append(b, bytes.TrimSuffix(text.Bytes(), []byte("\n"))...), nil
}

func appendList[T any](b []byte, list []T) (_ []byte, err error) {
	if list == nil {
		return append(b, "null"...), nil
	}
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendJSON(b, v); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

// isLiteral tells whether a text stands in JSON as it is.
func isLiteral(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
