package waldur

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"keyrack/internal/face"
)

const (
	mediaForm      = "application/x-www-form-urlencoded"
	mediaMultipart = "multipart/form-data"
)

// input is what a body says, by field. Of a form all values are texts.
type input map[string]any

// readBody reads JSON or a form. No body is an empty one, whatever it is said
// to be.
func readBody(r *http.Request) (input, error) {
	body, err := face.Body(r)
	if err != nil || len(body) == 0 {
		return input{}, err
	}
	header := r.Header.Get("Content-Type")
	media, parameters, _ := mime.ParseMediaType(header)
	switch media {
	case mediaJSON:
		return readJSON(body)
	case mediaForm:
		return lastOf(parseQuery(string(body))), nil
	case mediaMultipart:
		return readMultipart(body, parameters["boundary"])
	}
	return nil, errMedia(header)
}

func readJSON(body []byte) (input, error) {
	if !utf8.Valid(body) {
		return nil, errNoUnicode
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, errBadJSON
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errBadJSON
	}
	switch v := v.(type) {
	case map[string]any:
		return v, nil
	case nil:
		return nil, fault("non_field_errors", "No data provided")
	default:
		return nil, fault("non_field_errors", fmt.Sprintf("Invalid data. Expected a dictionary, but got %s.", pythonType(v)))
	}
}

// pythonType names the type of a value as upstream does.
func pythonType(v any) string {
	switch v := v.(type) {
	case []any:
		return "list"
	case bool:
		return "bool"
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return "float"
		}
		return "int"
	}
	return "str"
}

// readMultipart reads the texts of a form, and takes note of files, which no
// field is.
func readMultipart(body []byte, boundary string) (input, error) {
	if boundary == "" {
		return nil, errBadMultipart
	}
	form, err := multipart.NewReader(bytes.NewReader(body), boundary).ReadForm(int64(len(body)) + 1)
	if err != nil {
		return nil, errBadMultipart
	}
	defer func() { _ = form.RemoveAll() }() // nothing was put in files
	in := lastOf(form.Value)
	for name := range form.File {
		in[name] = file{}
	}
	return in, nil
}

// file stands for one that was sent where a text belongs.
type file struct{}

func lastOf(values map[string][]string) input {
	in := input{}
	for name, all := range values {
		in[name] = strings.ToValidUTF8(all[len(all)-1], "\uFFFD")
	}
	return in
}

// textRule says what a field of text must be.
type textRule struct {
	required, blank bool // may not be left out; may be empty
	untrimmed       bool
	most            int // characters; 0: checked elsewhere
}

// text gives a field, and notes what is wrong with it in the words and the
// order of the framework's CharField.
func (in input) text(wrong *faults, name string, rule textRule) string {
	value, there := in[name]
	if !there {
		if rule.required {
			wrong.add(name, "This field is required.")
		}
		return ""
	}
	var text string
	switch v := value.(type) {
	case nil:
		wrong.add(name, "This field may not be null.")
		return ""
	case string:
		text = v
	case json.Number:
		text = v.String()
	default:
		wrong.add(name, "Not a valid string.")
		return ""
	}
	if !rule.untrimmed {
		text = strings.TrimSpace(text)
	}
	if strings.TrimSpace(text) == "" && !rule.blank {
		wrong.add(name, "This field may not be blank.")
		return ""
	}
	if n := utf8.RuneCountInString(text); rule.most > 0 && n > rule.most {
		wrong.add(name, fmt.Sprintf("Ensure this field has no more than %d characters.", rule.most))
	}
	if rule.most > 0 && strings.Contains(text, "\x00") {
		wrong.add(name, noNull)
	}
	return text
}

const noNull = "Null characters are not allowed."

// has tells whether something was noted of a field.
func (f *faults) has(field string) bool {
	return slices.ContainsFunc(f.object, func(m face.Member) bool { return m.Name == field })
}
