package foreman

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"keyrack/internal/face"
)

// params are the parameters of a request: those of the path over those of the
// body over those of the query.
type params struct {
	path  map[string]string
	asked map[string]any // query and body
}

func (x *exchange) setPath(name, value string) {
	if x.params.path == nil {
		x.params.path = map[string]string{}
	}
	x.params.path[name] = value
}

// readParams reads query and body. A body is JSON or not looked at; one without
// anything in it, or without an object, has no parameters.
func readParams(r *http.Request) (params, error) {
	p := params{asked: queryParams(r.URL.Query())}
	if !isJSON(r) {
		return p, nil
	}
	body, err := face.Body(r)
	if err != nil || len(bytes.TrimSpace(body)) == 0 {
		return p, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body)) // by which a repeated request is known
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return p, syntaxErrorAt(body, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return p, syntaxError{quoteRest(body, d.InputOffset())}
	}
	if object, ok := value.(map[string]any); ok {
		for name, v := range object {
			p.asked[name] = v
		}
	}
	return p, nil
}

func syntaxErrorAt(body []byte, err error) error {
	offset := int64(0)
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = max(e.Offset-1, 0)
	}
	return syntaxError{quoteRest(body, offset)}
}

// quoteRest gives some of a body from an offset on.
func quoteRest(body []byte, offset int64) string {
	rest := body[min(offset, int64(len(body))):]
	return strings.ToValidUTF8(string(rest[:min(len(rest), 40)]), "\uFFFD")
}

var (
	nested = regexp.MustCompile(`^(\w+)\[(\w+)\]$`)
	listed = regexp.MustCompile(`^(\w+)\[\]$`)
)

// queryParams reads a query with the product's forms for objects and lists,
// a[b]=1 and a[]=1. Of several values the last counts.
func queryParams(query url.Values) map[string]any {
	out := map[string]any{}
	for name, values := range query {
		last := values[len(values)-1]
		if m := nested.FindStringSubmatch(name); m != nil {
			object, ok := out[m[1]].(map[string]any)
			if !ok {
				object = map[string]any{}
			}
			object[m[2]] = last
			out[m[1]] = object
			continue
		}
		if m := listed.FindStringSubmatch(name); m != nil {
			var list []any
			for _, v := range values {
				list = append(list, v)
			}
			out[m[1]] = list
			continue
		}
		if _, there := out[name]; !there {
			out[name] = last
		}
	}
	return out
}

// text gives a parameter as text, and whether it is there: null is not, lists
// and objects are not.
func (p params) text(name string) (string, bool) {
	if v, ok := p.path[name]; ok {
		return v, true
	}
	return textOf(p.asked[name])
}

// textOf is a scalar as a text column takes it.
func textOf(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v)[:1], true // as the column's cast gives it
	}
	return "", false
}

// attributes are those of the thing that a request is about: below its name, or
// where that is not there, without it.
func (p params) attributes(of string) attributes {
	value, wrapped := p.asked[of]
	if !wrapped {
		return p.asked
	}
	object, _ := value.(map[string]any)
	return object
}

// attributes are what a thing is to be made from.
type attributes map[string]any

// text gives an attribute as text; false where it is absent or null.
func (a attributes) text(name string) (string, bool) { return textOf(a[name]) }

// set tells whether the attribute is there, be it null.
func (a attributes) set(name string) bool {
	v, ok := a[name]
	if !ok {
		return false
	}
	if v == nil {
		return true
	}
	_, isObject := v.(map[string]any)
	return !isObject
}

// flag reads a boolean as the product's columns do: what says no is false, an
// empty text is nothing.
func (a attributes) flag(name string) (value, ok bool) {
	switch v := a[name].(type) {
	case bool:
		return v, true
	case json.Number:
		return v.String() != "0", true
	case string:
		switch v {
		case "":
			return false, false
		case "0", "f", "F", "false", "FALSE", "off", "OFF":
			return false, true
		}
		return true, true
	}
	return false, false
}

// id reads an id; false where it is none, zero where it is null or empty.
func (a attributes) id(name string) (id int64, ok bool) {
	if a[name] == nil {
		return 0, true
	}
	text, ok := textOf(a[name])
	if !ok {
		return 0, false
	}
	if text == "" {
		return 0, true
	}
	id, err := strconv.ParseInt(text, 10, 64)
	return id, err == nil && id > 0
}

// ids reads a list of ids. What is none is kept as -1, which is nobody's.
func (a attributes) ids(name string) []int64 {
	list, _ := a[name].([]any)
	out := []int64{}
	for _, v := range list {
		text, _ := textOf(v)
		if text == "" {
			continue // forms send an empty one so that the list is there
		}
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			id = -1
		}
		out = append(out, id)
	}
	return out
}

var leadingDigits = regexp.MustCompile(`^[0-9]+`)

// leadingID is the id that a text begins with; false where there is none or it
// is beyond all ids.
func leadingID(text string) (int64, bool) {
	id, err := strconv.ParseInt(leadingDigits.FindString(text), 10, 64)
	return id, err == nil && id > 0
}

var dashed = regexp.MustCompile(`^[0-9]+(?:-|$)`)

// ownID is the id in "5" and "5-name"; false for "5name".
func ownID(text string) (int64, bool) {
	if !dashed.MatchString(text) {
		return 0, false
	}
	return leadingID(text)
}
