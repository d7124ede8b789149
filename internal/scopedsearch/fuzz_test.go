package scopedsearch_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"keyrack/internal/core"
	"keyrack/internal/scopedsearch"
)

// documented are the forms of all that Parse complains about.
var documented = regexp.MustCompile(`(?s)^(?:` + strings.Join([]string{
	`Field '.*' not recognized for searching!`,
	`Value '.*' is not valid for field '(?:id|user_id|organization_id)'`,
	`Value expected but found (?:nil|:[a-z]+)`,
	`Empty list of operands`,
	`the operator '(?:un)?like' is not supported for field type '(?:integer|datetime)'`,
	`'(?:admin|disabled)' should be one of 'true, false', but the query was '.*'`,
	`Operator '[a-z]+' not supported for '(?:admin|disabled|last_login_on)'`,
	`Search query is too long \(maximum is 4096 bytes\)`,
	`Search query is nested too deeply \(maximum is 50 levels\)`,
	`Search query has too many terms \(maximum is 100\)`,
	`Search query must be valid UTF-8 without NUL`,
}, "|") + `)$`)

// hostile texts mean something to SQL, to its patterns or to careless code.
var hostile = []string{
	`'; DROP TABLE keys; --`, `' OR '1'='1`, `" OR ""="`, `\`, `\\`, `\'`, `\"`, `%`, `_`, `%_%`, `*`, `$1`, `?`, `:name`, `@p1`, `{}`, `--`, `/*`, `;`,
	`NULL`, `null?`, `and`, `TRUE`, `0x00`, `1e999`, `(`, `)`, `,`, "\t", "\n", "\u00a0", "\u2028", "\u202e", "\ufeff", `İ`, `ı`, `ß`, `ẞ`, `Σ`, `ς`, `K`, `🔑`,
	`x' UNION SELECT password_hash FROM accounts --`, `]]`, `[a-z]`, `^$`, `.*`, `E'\047'`, `U&'\0027'`, `a\b`, `x_y`, `100%`, ``,
}

// FuzzParse: a query is refused in documented words, or gives a filter of the
// list's own attributes that is bounded and can be asked.
func FuzzParse(f *testing.F) {
	needSeeds(f)
	for _, tt := range slices.Concat(examples, keyQueries, userQueries) {
		f.Add(tt.query)
	}
	for _, s := range hostile {
		f.Add(s)
		f.Add(`name = ` + quote(s) + ` or ` + s)
	}
	f.Add(`disabled ^ (true) last_login_on > "3 days ago" and not organization !~ x`)
	f.Add(`last_login_on = "Thu, 24th Oct 2024 11:21:03.5 pm -0530"`)
	fields := slices.Concat(keyFields, userFields)
	f.Fuzz(func(t *testing.T, query string) {
		filter, err := scopedsearch.Parse(query, fields, now)
		if err != nil {
			checkError(t, err)
			return
		}
		compares := 0
		walk(t, filter, func(c core.Compare) {
			compares++
			if !slices.ContainsFunc(fields, func(f scopedsearch.Field) bool { return f.Attribute == c.Attribute }) {
				t.Errorf("compares %q, which is no attribute of the list", c.Attribute)
			}
		})
		if most := scopedsearch.MaxTerms * 2 * len(fields); compares > most {
			t.Errorf("compares %d times, want %d at most", compares, most)
		}
		found(filter, keys)
		found(filter, users())
	})
}

func checkError(t *testing.T, err error) {
	t.Helper()
	e, ok := errors.AsType[*scopedsearch.Error](err)
	if !ok || e.Class != scopedsearch.NotSupported || !documented.MatchString(e.Msg) {
		t.Errorf("error %#v, want one that is documented", err)
	}
}

// walk visits the comparisons of a filter.
func walk(t *testing.T, f core.Filter, visit func(core.Compare)) {
	switch f := f.(type) {
	case nil:
	case core.And:
		for _, part := range f {
			walk(t, part, visit)
		}
	case core.Or:
		for _, part := range f {
			walk(t, part, visit)
		}
	case core.Not:
		walk(t, f.Of, visit)
	case core.Compare:
		visit(f)
	default:
		t.Errorf("%T is no filter", f)
	}
}

// quote makes any text one word of a query.
func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// templates are queries into which any text can be put, quoted.
var templates = []string{
	`%s`, `name = %s`, `name != %s`, `name ~ %s`, `name !~ %s`, `name > %s`, `name <= %s`, `name ^ (%s)`, `name !^ (x, %s)`,
	`not %s or id > 3`, `(= %s)`, `laptop -%s`, `!^ (%s)`,
}

// userTemplates are such for a list whose fields are of all sorts.
var userTemplates = []string{
	`%s`, `firstname = %s`, `firstname != %s`, `description ~ %s`, `description !~ %s`, `firstname >= %s`, `login ^ (%s)`, `firstname !^ (x, %s)`,
	`organization = %s`, `organization !~ %s`, `organization ^ (%s)`, `not organization %s`, `!= %s and has firstname`, `usergroup = %s or admin`,
}

var betweenCommas = regexp.MustCompile(`[^,]+`)

// FuzzContent: what stands in quotes never changes what is asked or how many
// values are bound, only which: as many as stand between its commas in a list,
// else one.
func FuzzContent(f *testing.F) {
	needSeeds(f)
	for _, s := range hostile {
		f.Add(s)
		f.Add(s + "," + s + ",,")
	}
	f.Fuzz(func(t *testing.T, content string) {
		if !utf8.ValidString(content) || strings.Contains(content, "\x00") || len(content) > 1000 {
			t.Skip("refused")
		}
		if content == "admin" || content == "disabled" {
			t.Skip("as a word alone the name of a flag, which is another question")
		}
		for fields, templates := range map[*scopedsearch.Fields][]string{&keyFields: templates, &userFields: userTemplates} {
			for _, template := range templates {
				query := fmt.Sprintf(template, quote(content))
				plain := fmt.Sprintf(template, quote(betweenCommas.ReplaceAllString(content, "x")))
				got, want := parse(t, query, *fields), parse(t, plain, *fields)
				if shape(got) != shape(want) || bound(t, got) != bound(t, want) {
					t.Errorf("%q asks %s of %d values, want %s of %d", query, shape(got), bound(t, got), shape(want), bound(t, want))
				}
			}
		}
	})
}

// bound is how many values a filter has bound: those of texts and numbers. A
// flag is none, and what is decided without asking binds nothing.
func bound(t *testing.T, f core.Filter) int {
	n := 0
	walk(t, f, func(c core.Compare) {
		switch v := c.Value.(type) {
		case []any:
			n += len(v)
		case nil, bool:
		default:
			n++
		}
	})
	return n
}

// shape writes a filter down without its values. What is decided without asking
// may be decided one way or the other.
func shape(f core.Filter) string {
	switch f := f.(type) {
	case core.And:
		return shapes("and", f)
	case core.Or:
		return shapes("or", f)
	case core.Not:
		return "not(" + shape(f.Of) + ")"
	case core.Compare:
		return fmt.Sprintf("%s:%d", f.Attribute, f.Op)
	}
	return "all"
}

func shapes(op string, parts []core.Filter) string {
	if len(parts) == 0 {
		return "decided"
	}
	var all []string
	for _, p := range parts {
		all = append(all, shape(p))
	}
	return op + "(" + strings.Join(all, " ") + ")"
}

// needSeeds fails a target whose committed seeds are gone.
func needSeeds(f *testing.F) {
	f.Helper()
	if seeds, err := filepath.Glob("testdata/fuzz/" + f.Name() + "/*"); err != nil || len(seeds) == 0 {
		f.Fatalf("seeds of %s: %v, %v; want some", f.Name(), seeds, err)
	}
}
