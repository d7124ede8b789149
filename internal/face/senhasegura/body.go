package senhasegura

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

// fields are what a request says, whatever form it says it in: JSON, a form, a
// multipart form, or the query. The values are those of JSON.
type fields map[string]any

// Bounds of a form; its size is bounded with the body's.
const (
	maxFormFields = 1000
	maxFormDepth  = 4 // brackets in a name
)

// readFields reads the body, with the query for what the body does not say: a
// collection of the vendor's sends all of it there.
func readFields(r *http.Request) (fields, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, malformed("the query cannot be read")
	}
	f, err := formFields(pairsOf(query))
	if err != nil {
		return nil, err
	}
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	for name, value := range body {
		f[name] = value
	}
	return f, nil
}

func readBody(r *http.Request) (fields, error) {
	body, err := face.Body(r)
	if err != nil || len(bytes.TrimSpace(body)) == 0 {
		return nil, err
	}
	kind := mediaType(r)
	switch {
	case kind == "application/x-www-form-urlencoded":
		return readForm(string(body))
	case kind == "multipart/form-data":
		return readMultipart(body, r.Header.Get("Content-Type"))
	case strings.HasSuffix(kind, "json"), kind == "", kind == "text/plain":
		return readJSON(body)
	}
	return nil, malformed("the body is of a type that is not taken")
}

// readJSON reads an object. A member that stands twice is refused.
func readJSON(body []byte) (fields, error) {
	var f fields
	if err := json.Unmarshal(body, &f); err != nil || f == nil {
		return nil, malformed("the body is no JSON object")
	}
	return f, nil
}

// pair is one field of a form as it is sent.
type pair struct{ name, value string }

func pairsOf(values url.Values) []pair {
	var pairs []pair
	for name, all := range values {
		for _, value := range all {
			pairs = append(pairs, pair{name, value})
		}
	}
	return pairs
}

func readForm(body string) (fields, error) {
	var pairs []pair
	for text := range strings.SplitSeq(body, "&") {
		name, value, _ := strings.Cut(text, "=")
		name, errName := url.QueryUnescape(name)
		value, errValue := url.QueryUnescape(value)
		if errName != nil || errValue != nil {
			return nil, malformed("the form cannot be read")
		}
		if name != "" {
			pairs = append(pairs, pair{name, value})
		}
	}
	return formFields(pairs)
}

func readMultipart(body []byte, contentType string) (fields, error) {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil || params["boundary"] == "" {
		return nil, malformed("the form has no boundary")
	}
	var pairs []pair
	for parts := multipart.NewReader(bytes.NewReader(body), params["boundary"]); ; {
		part, err := parts.NextRawPart()
		if err == io.EOF { //nolint:errorlint // it is never wrapped, and a part that is cut gives another
			return formFields(pairs)
		}
		if err != nil || len(pairs) > maxFormFields {
			return nil, malformed("the form cannot be read")
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return nil, malformed("the form is cut")
		}
		pairs = append(pairs, pair{part.FormName(), string(value)})
	}
}

// formFields builds the values that the names of a form spell, as PHP does:
// devices[0][hostname]. What PHP would settle by the last one winning, a field
// twice or a text that is also a list, is refused.
func formFields(pairs []pair) (fields, error) {
	if len(pairs) > maxFormFields {
		return nil, malformed("the form has too many fields")
	}
	root := &branch{}
	for _, p := range pairs {
		path, ok := splitName(p.name)
		if !ok || !root.put(path, p.value) {
			return nil, malformed("the form has a field twice, or with a name that cannot be read")
		}
	}
	f := fields{}
	for _, key := range root.keys {
		f[key] = root.under[key].value()
	}
	return f, nil
}

// splitName takes a field's name apart: a[b][] is a, b and the empty text.
func splitName(name string) (path []string, ok bool) {
	first, rest, nested := strings.Cut(name, "[")
	path = []string{first}
	for nested {
		var key string
		if key, rest, ok = strings.Cut(rest, "]"); !ok || strings.Contains(key, "[") {
			return nil, false
		}
		path = append(path, key)
		if rest == "" {
			break
		}
		if rest, ok = strings.CutPrefix(rest, "["); !ok {
			return nil, false
		}
	}
	return path, first != "" && !strings.Contains(name[:len(first)], "]") && len(path) <= maxFormDepth+1
}

// branch is a value of a form that is being read: a text, or values by key in
// the order in which they came.
type branch struct {
	text  *string
	keys  []string
	under map[string]*branch
}

// put sets the text at a path below, and tells whether there was room.
func (b *branch) put(path []string, text string) bool {
	if len(path) == 0 {
		if b.text != nil || b.under != nil {
			return false
		}
		b.text = &text
		return true
	}
	if b.text != nil {
		return false
	}
	return b.at(path[0], path[1:]).put(path[1:], text)
}

// at gives the branch of a key, which is made if need be. The empty key is the
// last element, or a new one where the last has what is put there already.
func (b *branch) at(key string, rest []string) *branch {
	if b.under == nil {
		b.under = map[string]*branch{}
	}
	if key == "" {
		if n := len(b.keys); n > 0 && len(rest) > 0 && !b.under[b.keys[n-1]].has(rest) {
			return b.under[b.keys[n-1]]
		}
		key = "[" + number(core.DeviceID(len(b.keys))) // no name from outside holds a bracket
	}
	next, ok := b.under[key]
	if !ok {
		next = &branch{}
		b.under[key] = next
		b.keys = append(b.keys, key)
	}
	return next
}

func (b *branch) has(path []string) bool {
	if len(path) == 0 || b.text != nil {
		return true
	}
	next, ok := b.under[path[0]]
	return ok && next.has(path[1:])
}

// value is the branch as JSON would have it: a list where all keys count.
func (b *branch) value() any {
	if b.text != nil {
		return *b.text
	}
	if !slices.ContainsFunc(b.keys, func(key string) bool { return strings.Trim(key, "[0123456789") != "" }) {
		items := make([]any, len(b.keys))
		for i, key := range b.keys {
			items[i] = b.under[key].value()
		}
		return items
	}
	object := map[string]any{}
	for _, key := range b.keys {
		object[key] = b.under[key].value()
	}
	return object
}

// text gives a field that is a text; null is as if it were not there.
func (f fields) text(name string) (core.Change[string], error) {
	switch v := f[name].(type) {
	case nil:
		return core.Change[string]{}, nil
	case string:
		return core.To(v), nil
	}
	return core.Change[string]{}, malformed(name + " is no text")
}

// flag gives a field that is true or false, or says so in a form's words.
func (f fields) flag(name string) (core.Change[bool], error) {
	switch f[name] {
	case nil:
		return core.Change[bool]{}, nil
	case true, "true", "1", float64(1):
		return core.To(true), nil
	case false, "false", "0", float64(0):
		return core.To(false), nil
	}
	return core.Change[bool]{}, malformed(name + " is neither true nor false")
}

// list gives a field that is a list in one text, between commas. Programs that
// send what /iso has answered send a list.
func (f fields) list(name string) (core.Change[[]string], error) {
	items, ok := f[name].([]any)
	if !ok {
		text, err := f.text(name)
		return core.Change[[]string]{Set: text.Set, Value: split(text.Value)}, err
	}
	var all []string
	for _, item := range items {
		text, ok := item.(string)
		if !ok {
			return core.Change[[]string]{}, malformed(name + " is no list of texts")
		}
		all = append(all, split(text)...)
	}
	return core.To(all), nil
}

func split(text string) []string {
	var items []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// hostnames gives a field that is a list of objects with a hostname.
func (f fields) hostnames(name string) (core.Change[[]string], error) {
	bad := malformed(name + " is no list of objects with a hostname")
	value, ok := f[name]
	if !ok || value == nil {
		return core.Change[[]string]{}, nil
	}
	items, ok := value.([]any)
	if !ok {
		return core.Change[[]string]{}, bad
	}
	all := []string{}
	for _, item := range items {
		if object, ok := item.(map[string]any); ok {
			item = object["hostname"]
		}
		hostname, ok := item.(string)
		if !ok || hostname == "" {
			return core.Change[[]string]{}, bad
		}
		all = append(all, hostname)
	}
	return core.To(all), nil
}
