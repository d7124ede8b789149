package raidboxes

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

const (
	maxTitle = 255
	maxKey   = 16384
)

// fields are a body's, as far as it could be read.
type fields map[string]any

// readFields reads a body as the vendor's framework does: JSON, or a form, and
// what is neither has no fields.
func (p *protocol) readFields(r *http.Request) (fields, settings, error) {
	text, err := p.Core.FaceSettings(r.Context(), "raidboxes")
	if err != nil {
		return nil, settings{}, err
	}
	set, err := parseSettings(text)
	if err != nil {
		return nil, settings{}, err
	}
	body, err := face.Body(r)
	if err != nil {
		return nil, settings{}, err
	}
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if set.StrictContentType && media != "application/json" && media != formType {
		return nil, settings{}, errMediaType
	}
	return parseFields(body, media), set, nil
}

const formType = "application/x-www-form-urlencoded"

// parseFields looks at the body rather than at what it is said to be: curl -d
// says of JSON that it is a form.
func parseFields(body []byte, media string) fields {
	if f, ok := parseJSON(body); ok {
		return f
	}
	if media != formType {
		return nil
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil
	}
	f := fields{}
	for name, values := range form {
		base, _, isList := strings.Cut(name, "[")
		if isList {
			f[base] = []any{values}
			continue
		}
		f[name] = values[len(values)-1]
	}
	return f
}

// parseJSON reads an object, and of members with one name the last.
func parseJSON(body []byte) (f fields, ok bool) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&f); err != nil || f == nil || d.More() {
		return nil, false
	}
	if !utf8.Valid(body) { // the decoder has put U+FFFD where it was not
		for name, v := range f {
			if text, isText := v.(string); isText {
				f[name] = strings.ReplaceAll(text, "\ufffd", "\xff")
			}
		}
	}
	return f, true
}

// missing tells whether a field counts as not sent: the framework trims texts
// and makes null of empty ones.
func (f fields) missing(name string) bool {
	switch v := f[name].(type) {
	case nil:
		return true
	case string:
		return strings.TrimSpace(v) == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0 // to the framework it is an empty array
	}
	return false
}

// text gives a text field without blanks around it. Where there is none the
// message says why.
func (f fields) text(name string) (string, []message) {
	if f.missing(name) {
		return "", say("The %s field is required.", name)
	}
	v, ok := f[name].(string)
	if !ok {
		return "", say("The %s field must be a string.", name)
	}
	return strings.TrimSpace(v), nil
}

func (f fields) title() (string, []message) {
	title, wrong := f.text("title")
	if utf8.RuneCountInString(title) > maxTitle {
		wrong = say("The title field must not be greater than %d characters.", maxTitle)
	}
	return title, wrong
}

func (f fields) key() (string, []message) {
	key, wrong := f.text("key")
	if utf8.RuneCountInString(key) > maxKey {
		wrong = say("The key field must not be greater than %d characters.", maxKey)
	}
	return key, wrong
}

var sixDigits = regexp.MustCompile(`^[0-9]{6}$`)

// readLogin reads what somebody logs in with. Whether a code has the right form
// is said here only beside other faults: of a login that could succeed, nothing
// about codes is said before the password is known to be right.
func (p *protocol) readLogin(r *http.Request) (core.Credentials, error) {
	f, _, err := p.readFields(r)
	if err != nil {
		return core.Credentials{}, err
	}
	var wrong details
	in := core.Credentials{Code: f.code()}
	if in.Email, wrong.Email = f.text("email"); !f.missing("email") && !isAddress(in.Email) {
		wrong.Email = say("The email field must be a valid email address.")
	}
	if _, wrong.Password = f.text("password"); wrong.Password == nil {
		in.Password = f["password"].(string) // as it is: blanks belong to it
	}
	if wrong.count() == 0 {
		return in, nil
	}
	if in.Code != "" && !sixDigits.MatchString(in.Code) {
		wrong.Code = badCode
	}
	return core.Credentials{}, invalid(wrong)
}

// code gives the code, also one sent as a number; what cannot be one stays
// something that cannot be one.
func (f fields) code() string {
	if f.missing("code") {
		return ""
	}
	switch v := f["code"].(type) {
	case string:
		return strings.TrimSpace(v)
	case json.Number:
		return v.String()
	}
	return "?"
}

func isAddress(text string) bool {
	address, err := mail.ParseAddress(text)
	return err == nil && address.Address == text
}

var badCode = say("The code field must be 6 digits.")

// codeError says what is wrong with a code that was asked for.
func codeError(code string) error {
	if code == "" {
		return invalid(details{Code: say("The code field is required.")})
	}
	return invalid(details{Code: badCode})
}
