package facetest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// forms are what placeholders match.
var forms = map[string]string{ //nolint:gosec // forms of credentials, none of them one
	"uuid":        `[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`, // UUIDv7, RFC 9562
	"hex":         `[0-9a-f]{32}`,                                                        // a UUID without dashes
	"time":        `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z`,                       // RFC 3339, UTC, microseconds
	"request_id":  `[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`, // UUIDv4
	"offset_time": `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00`,                               // ISO 8601, seconds, numeric offset
	"short_id":    `[2-9A-HJKMNP-TV-Z]{8}`,                                               // of an account or a key
	"key_id":      `(?:[2-9A-HJKMNP-TV-Z]{8}|[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})`,
	"fingerprint": `[0-9a-f]{2}(?::[0-9a-f]{2}){15}`, // MD5, RFC 4716
	"unix":        `\d{10}`,
	"digits":      `\d+`,
	"digest":      `[0-9a-f]{40}`,
	"jwt":         `[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+`,
	"token":       `[\w-]{20,}`,         // a random credential
	"identifier":  `[a-km-np-z2-9]{20}`, // a session's SSH user name
}

// placeholder is <form>, <form:name> or <name>.
var placeholder = regexp.MustCompile(`<([a-z_]+)(?::([a-z_]+))?>`)

// fill puts the values of names into text.
func (p *player) fill(t testing.TB, text string) string {
	t.Helper()
	return placeholder.ReplaceAllStringFunc(text, func(m string) string {
		name := strings.Trim(m, "<>")
		value, ok := p.bound[name]
		if !ok {
			t.Fatalf("nothing is known as %s", m)
		}
		return value
	})
}

// match holds a text against a pattern with placeholders. It gives the text
// where they agree, else the pattern, so that a comparison shows both.
func (p *player) match(pattern, text string) string {
	var expr strings.Builder
	var names []string
	rest := pattern
	for _, at := range placeholder.FindAllStringSubmatchIndex(pattern, -1) {
		m := pattern[at[0]:at[1]]
		before, after, _ := strings.Cut(rest, m)
		form, name, _ := strings.Cut(strings.Trim(m, "<>"), ":")
		expr.WriteString(regexp.QuoteMeta(before) + "(" + p.form(form, name) + ")")
		names = append(names, name)
		rest = after
	}
	found := regexp.MustCompile(`^` + expr.String() + regexp.QuoteMeta(rest) + `$`).FindStringSubmatch(text)
	if found == nil {
		return pattern
	}
	for i, name := range names {
		p.bound[name] = found[i+1]
	}
	return text
}

// form gives what a placeholder matches: the value of its name where that has
// one, else what its form allows.
func (p *player) form(form, name string) string {
	known := name
	if forms[form] == "" {
		known = form
	}
	if value, ok := p.bound[known]; ok && known != "" {
		return regexp.QuoteMeta(value)
	}
	return forms[form]
}

func (p *player) compare(t testing.TB, text string) {
	t.Helper()
	want := parse(t, text)
	if got := strconv.Itoa(p.reply.Code); got != want.first {
		t.Errorf("%s\nstatus %s, want %s; body %s", p.request, got, want.first, p.reply.Body)
	}
	for name, values := range want.header {
		p.compareHeader(t, name, values[0])
	}
	if want.body == "" {
		if got := p.reply.Body.String(); got != "" {
			t.Errorf("%s\nbody %q, want none", p.request, got)
		}
		return
	}
	if diff := cmp.Diff(p.bodies(t, want.body)); diff != "" {
		t.Errorf("%s\nbody differs (-want +got):\n%s", p.request, diff)
	}
}

func (p *player) compareHeader(t testing.TB, name, want string) {
	t.Helper()
	got, there := headerNamed(p.reply.Header(), name)
	switch {
	case want == "<absent>":
		if there {
			t.Errorf("%s\nheader %s: %q, want none", p.request, name, got)
		}
	case !there:
		t.Errorf("%s\nno header %s, want %q", p.request, name, want)
	case p.match(want, got[0]) != got[0] || len(got) != 1:
		t.Errorf("%s\nheader %s: %q, want %q", p.request, name, got, want)
	}
}

// bodies gives the wanted body, with its placeholders filled in where they
// match, and the one there is.
func (p *player) bodies(t testing.TB, want string) (any, any) {
	t.Helper()
	if !strings.HasPrefix(want, "{") && !strings.HasPrefix(want, "[") {
		got := strings.TrimSuffix(p.reply.Body.String(), "\n")
		return p.match(want, got), got
	}
	if p.Exact {
		got := strings.TrimSuffix(p.reply.Body.String(), "\n")
		return p.match(compact(t, want), got), got
	}
	got := decode(t, p.reply.Body.String())
	return p.matchJSON(decode(t, want), got), got
}

// compact drops the white space between the tokens of JSON.
func compact(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		t.Fatalf("%v in JSON %q", err, text)
	}
	return b.String()
}

// decode reads JSON with its numbers as they are written.
func decode(t testing.TB, text string) any {
	t.Helper()
	var v any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil || d.More() {
		t.Fatalf("%v in JSON %q", err, text)
	}
	return v
}

func (p *player) matchJSON(want, got any) any {
	switch want := want.(type) {
	case string:
		if got, ok := got.(string); ok {
			return p.match(want, got)
		}
	case []any:
		got, _ := got.([]any)
		for i := range min(len(want), len(got)) {
			want[i] = p.matchJSON(want[i], got[i])
		}
	case map[string]any:
		got, _ := got.(map[string]any)
		for name := range want {
			want[name] = p.matchJSON(want[name], got[name])
		}
	}
	return want
}

// headerNamed finds a header in any case: some products have names that
// http.Header would spell otherwise.
func headerNamed(h http.Header, name string) ([]string, bool) {
	for is, values := range h {
		if strings.EqualFold(is, name) {
			return values, true
		}
	}
	return nil, false
}
