package scopedsearch_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keyrack/internal/core"
	"keyrack/internal/scopedsearch"
)

// item is an element of a list, by the names of its attributes.
type item map[core.Attribute]any

// now is a Thursday, in a zone that is ahead of UTC.
var now = time.Date(2024, 10, 24, 11, 21, 3, 0, time.FixedZone("", 2*60*60))

var keyFields = scopedsearch.Fields{
	{Name: "id", Type: scopedsearch.Integer, Attribute: core.KeyIDAttr},
	{Name: "name", Attribute: core.KeyNameAttr, Bare: true},
	{Name: "user_id", Type: scopedsearch.Integer, Attribute: core.KeyOwnerAttr},
}

var userFields = scopedsearch.Fields{
	{Name: "login", Attribute: core.AccountLoginAttr, Bare: true},
	{Name: "firstname", Attribute: core.AccountFirstNameAttr, Unset: "", Bare: true},
	{Name: "description", Attribute: core.AccountDescriptionAttr, Unset: "", Bare: true},
	{Name: "admin", Type: scopedsearch.Flag, Attribute: core.AccountAdminAttr},
	{Name: "disabled", Type: scopedsearch.Flag, Attribute: core.AccountDisabledAttr},
	{Name: "last_login_on", Type: scopedsearch.Date, Attribute: core.AccountLastLoginAttr},
	{Name: "auth_source", Value: "Internal", Bare: true},
	{Name: "usergroup", Bare: true},
	{Name: "organization", Attribute: core.AccountOrganizationNamed, Many: true},
	{Name: "organization_id", Type: scopedsearch.Integer, Attribute: core.AccountOrganizationAttr, Many: true},
}

// people are the accounts that users are searched among; where they are not set,
// texts are empty.
var people = []core.Account{
	{ID: 1, Login: "ada", FirstName: "Ada", Roles: core.Roles{Admin: true}, LastLoginAt: now.Add(-90 * time.Minute), Organizations: []core.OrganizationID{5, 6}},
	{ID: 2, Login: "bob", Description: "on leave", Disabled: true, LastLoginAt: now.AddDate(0, 0, -1), Organizations: []core.OrganizationID{5}},
	{ID: 3, Login: "admin", FirstName: "Zoë"},
	{ID: 4, Login: "dan", FirstName: "Ådne", Description: "x", LastLoginAt: now.AddDate(0, -2, 0), Organizations: []core.OrganizationID{6}},
}

var organizations = map[core.OrganizationID]string{5: "acme", 6: "zeta"}

// users are the people as a list kept in memory has them.
func users() []item {
	var all []item
	for _, a := range people {
		named, numbered := []any{}, []any{}
		for _, o := range a.Organizations {
			named, numbered = append(named, organizations[o]), append(numbered, int64(o))
		}
		it := item{
			core.AccountIDAttr: int64(a.ID), core.AccountLoginAttr: a.Login, core.AccountFirstNameAttr: a.FirstName,
			core.AccountDescriptionAttr: a.Description, core.AccountAdminAttr: a.Roles.Admin, core.AccountDisabledAttr: a.Disabled,
			core.AccountOrganizationNamed: named, core.AccountOrganizationAttr: numbered,
		}
		if !a.LastLoginAt.IsZero() {
			it[core.AccountLastLoginAttr] = a.LastLoginAt
		}
		all = append(all, it)
	}
	return all
}

var everybody = ids{1, 2, 3, 4}

var userQueries = []struct {
	query string
	want  ids
}{
	// The name of a flag stands for the flag, not for a word.
	{`admin`, ids{1}}, {`not admin`, ids{2, 3, 4}}, {`login = admin`, ids{3}}, {`"admin"`, ids{1}}, {`admi`, ids{3}},
	{`disabled`, ids{2}}, {`disabled = true`, ids{2}}, {`disabled = false`, ids{1, 3, 4}}, {`disabled != true`, ids{1, 3, 4}},
	{`disabled <> false`, ids{2}}, {`not disabled`, ids{1, 3, 4}}, {`null? disabled`, nil}, {`has disabled`, everybody},
	{`admin = true or disabled`, ids{1, 2}},

	// A word is looked for in all texts; what is not set is no match.
	{`ad`, ids{1, 3}}, {`ada`, ids{1}}, {`ÅD`, ids{4}}, {`leave`, ids{2}}, {`zoë`, ids{3}},
	{`firstname != Ada`, ids{3, 4}}, {`firstname !~ a`, ids{3, 4}}, {`not firstname = Ada`, ids{2, 3, 4}}, {`null? firstname`, ids{2}},
	{`firstname !^ (Ada)`, ids{3, 4}}, {`firstname < B`, ids{1}},
	{`!= ada`, everybody}, {`= "Internal"`, everybody}, {`!= Internal`, everybody},

	// A text that is empty where it is not set.
	{`has firstname`, ids{1, 3, 4}}, {`set? firstname`, ids{1, 3, 4}}, {`not null? firstname`, ids{1, 3, 4}}, {`not has firstname`, ids{2}},
	{`firstname = ""`, nil}, {`firstname ~ *`, ids{1, 3, 4}}, {`firstname <= ""`, nil}, {`firstname ^ ("", Ada)`, ids{1}}, {`firstname !^ ""`, ids{1, 3, 4}},
	{`null? firstname or null? description`, ids{1, 2, 3}}, {`has firstname has description`, ids{4}},
	{`null? description`, ids{1, 3}}, {`has description`, ids{2, 4}}, {`description = ""`, nil}, {`description != x`, ids{2}},
	{`description !~ x`, ids{2}}, {`not description = x`, ids{1, 2, 3}}, {`description < y`, ids{2, 4}},

	// What all have, and nobody.
	{`intern`, everybody}, {`auth_source = Internal`, everybody}, {`auth_source = LDAP`, nil}, {`auth_source ~ int`, everybody},
	{`not auth_source = Internal`, nil}, {`not (auth_source = Internal)`, nil}, {`not ((auth_source = Internal))`, nil},
	{`auth_source = LDAP or login = bob`, ids{2}}, {`auth_source = Internal or login = bob`, everybody},
	{`has auth_source`, everybody}, {`null? auth_source`, nil}, {`auth_source ^ (LDAP, Internal)`, everybody},
	{`usergroup = x`, nil}, {`usergroup != x`, nil}, {`null? usergroup`, everybody}, {`has usergroup`, nil}, {`usergroup !~ x`, nil},

	// One of several values is enough.
	{`organization = acme`, ids{1, 2}}, {`organization != acme`, ids{1, 4}}, {`not organization = acme`, ids{3, 4}},
	{`organization ~ E`, ids{1, 2, 4}}, {`organization !~ cme`, ids{1, 4}}, {`organization ^ (acme, zeta)`, ids{1, 2, 4}},
	{`null? organization`, ids{3}}, {`has organization`, ids{1, 2, 4}},
	{`organization_id = 6`, ids{1, 4}}, {`organization_id > 5`, ids{1, 4}}, {`organization_id != 99999999999999999999`, ids{1, 2, 4}},

	// Dates. It is 11:21:03 on 2024-10-24 at +02:00.
	{`last_login_on > yesterday`, ids{1}}, {`last_login_on = yesterday`, ids{2}}, {`last_login_on = TODAY`, ids{1}},
	{`last_login_on >= yesterday`, ids{1, 2}}, {`last_login_on < yesterday`, ids{4}}, {`last_login_on <= yesterday`, ids{2, 4}},
	{`last_login_on != today`, ids{2, 4}}, {`not last_login_on = today`, ids{2, 3, 4}}, {`last_login_on before tomorrow`, ids{1, 2, 4}},
	{`last_login_on > "2 hours ago"`, ids{1}}, {`last_login_on > "1 hour ago"`, nil}, {`last_login_on = "90 minutes ago"`, ids{1}},
	{`last_login_on < "1 month ago"`, ids{4}}, {`last_login_on = "2 months ago"`, ids{4}}, {`last_login_on after "1 week ago"`, ids{1, 2}},
	{`last_login_on < "3 days from now"`, ids{1, 2, 4}}, {`last_login_on = 2024-10-24`, ids{1}}, {`last_login_on = "2024-10-24 09:51"`, ids{1}},
	{`last_login_on = 2024-10`, ids{1, 2}}, {`last_login_on = 2024`, ids{1, 2, 4}}, {`last_login_on > 2024`, nil}, {`last_login_on = "Aug 24, 2024"`, ids{4}},
	{`last_login_on = "2024-10-24T07:51:03Z"`, ids{1}}, {`has last_login_on`, ids{1, 2, 4}}, {`null? last_login_on`, ids{3}},
	{`last_login_on > "99999999999999999999 years ago"`, ids{1, 2, 4}}, {`last_login_on < "99999999999999999999 years ago"`, nil},

	// A text that is no date drops the condition, whatever the operator.
	{`last_login_on = blue`, everybody}, {`last_login_on ~ blue`, everybody}, {`last_login_on = ""`, everybody},
	{`not last_login_on > blue`, everybody}, {`login = bob or last_login_on > blue`, ids{2}}, {`last_login_on = 2024-13-45`, everybody},
}

func TestUsersFound(t *testing.T) {
	t.Parallel()
	for _, tt := range userQueries {
		if got := found(parse(t, tt.query, userFields), users()); !slices.Equal(got, tt.want) {
			t.Errorf("%q finds %v, want %v", tt.query, got, tt.want)
		}
	}
}

// A flag may be not set at all in a list that is kept in memory.
func TestNotSet(t *testing.T) {
	t.Parallel()
	list := []item{{"id": int64(1), "disabled": nil}, {"id": int64(2), "disabled": false}, {"id": int64(3), "disabled": true}}
	for _, tt := range []struct {
		query string
		want  ids
	}{
		{`disabled`, ids{3}}, {`disabled = false`, ids{2}}, {`disabled != true`, ids{2}}, {`not disabled`, ids{1, 2}},
		{`null? disabled`, ids{1}}, {`has disabled`, ids{2, 3}},
	} {
		if got := found(parse(t, tt.query, userFields), list); !slices.Equal(got, tt.want) {
			t.Errorf("%q finds %v, want %v", tt.query, got, tt.want)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	nested := func(n int) string { return strings.Repeat("(", n) + "laptop" }
	for query, msg := range map[string]string{
		// Observed in the reference.
		`bogus = 1`:        "Field 'bogus' not recognized for searching!",
		`name.foo = x`:     "Field 'name.foo' not recognized for searching!",
		`NAME = x`:         "Field 'NAME' not recognized for searching!",
		`has bogus`:        "Field 'bogus' not recognized for searching!",
		`null? bogus`:      "Field 'bogus' not recognized for searching!",
		`id ~ 1`:           "the operator 'like' is not supported for field type 'integer'",
		`id !~ 1`:          "the operator 'unlike' is not supported for field type 'integer'",
		`id = abc`:         "Value 'abc' is not valid for field 'id'",
		`id = 1.5`:         "Value '1.5' is not valid for field 'id'",
		`id ^ (1,abc)`:     "Value 'abc' is not valid for field 'id'",
		`id = -1`:          "Value expected but found :not",
		`name = (x)`:       "Value expected but found :lparen",
		`name = = x`:       "Value expected but found :eq",
		`disabled = maybe`: "'disabled' should be one of 'true, false', but the query was 'maybe'",
		`disabled > true`:  "Operator 'gt' not supported for 'disabled'",

		// Read in its source.
		`name!=x`:                       "Field 'name!' not recognized for searching!",
		`name!~x`:                       "Field 'name!' not recognized for searching!",
		`"" = x`:                        "Field '' not recognized for searching!",
		`id ~ abc`:                      "Value 'abc' is not valid for field 'id'",
		`id = ""`:                       "Value '' is not valid for field 'id'",
		`id = 1e3`:                      "Value '1e3' is not valid for field 'id'",
		`id = ١`:                        "Value '١' is not valid for field 'id'",
		`id ^ (1,"",3)`:                 "Value '' is not valid for field 'id'",
		`name = and x`:                  "Value expected but found :and",
		`name = has x`:                  "Value expected but found :notnull",
		`name = , x`:                    "Value expected but found :comma",
		`name = ! x`:                    "Value expected but found :not",
		`name > !^ x`:                   "Value expected but found :notin",
		`has (name)`:                    "Value expected but found :lparen",
		`null? set? x`:                  "Value expected but found :notnull",
		`= ) x`:                         "Value expected but found :rparen",
		`~ null? x`:                     "Value expected but found :null",
		`() laptop`:                     "Empty list of operands",
		`not () laptop`:                 "Empty list of operands",
		`^ (,) laptop`:                  "Empty list of operands",
		`disabled = TRUE`:               "'disabled' should be one of 'true, false', but the query was 'TRUE'",
		`disabled ^ (true,false)`:       "'disabled' should be one of 'true, false', but the query was 'true,false'",
		`disabled ~ true`:               "Operator 'like' not supported for 'disabled'",
		`disabled ^ (true)`:             "Operator 'in' not supported for 'disabled'",
		`last_login_on ~ today`:         "the operator 'like' is not supported for field type 'datetime'",
		`last_login_on !~ 2024-10-24`:   "the operator 'unlike' is not supported for field type 'datetime'",
		`bogus = 1 and name = (x)`:      "Value expected but found :lparen", // form first, contents second
		`disabled = maybe or bogus = 1`: "'disabled' should be one of 'true, false', but the query was 'maybe'",

		// Our own.
		`last_login_on ^ (2024-10-24)`:        "Operator 'in' not supported for 'last_login_on'",
		`last_login_on !^ (2024-10-24)`:       "Operator 'notin' not supported for 'last_login_on'",
		strings.Repeat("x", 4097):             "Search query is too long (maximum is 4096 bytes)",
		nested(51):                            "Search query is nested too deeply (maximum is 50 levels)",
		strings.Repeat("not ", 51) + "laptop": "Search query is nested too deeply (maximum is 50 levels)",
		strings.Repeat("laptop ", 101):        "Search query has too many terms (maximum is 100)",
		strings.Repeat("laptop or ", 101):     "Search query has too many terms (maximum is 100)",
		"^ " + strings.Repeat("a ", 101):      "Search query has too many terms (maximum is 100)",
		"laptop\x00":                          "Search query must be valid UTF-8 without NUL",
		"name = \xff":                         "Search query must be valid UTF-8 without NUL",
	} {
		fields := slices.Concat(keyFields, userFields)
		_, err := scopedsearch.Parse(query, fields, now)
		wantError(t, query, err, &scopedsearch.Error{Msg: msg, Class: scopedsearch.NotSupported})
	}
	for _, query := range []string{strings.Repeat("x", 4096), nested(50), strings.Repeat("- ", 50) + "x", strings.Repeat("x ", 100), strings.Repeat("&", 4095) + "x"} {
		if _, err := scopedsearch.Parse(query, keyFields, now); err != nil {
			t.Errorf("Parse() of a query within the bounds (%.10q…): %v", query, err)
		}
	}
}

// wantError checks the exact words and class of an error, and its kind.
func wantError(t *testing.T, what string, err error, want *scopedsearch.Error) {
	t.Helper()
	got, ok := errors.AsType[*scopedsearch.Error](err)
	if !ok {
		t.Errorf("%.60q: error %v, want %q", what, err, want.Msg)
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%.60q: error (-want +got):\n%s", what, diff)
	}
	if core.KindOf(err) != core.Invalid {
		t.Errorf("%.60q: error is of kind %v, want %v", what, core.KindOf(err), core.Invalid)
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()
	by := func(a core.Attribute, descending bool) []core.Order {
		return []core.Order{{Attribute: a, Descending: descending}}
	}
	fields := slices.Concat(keyFields, userFields)
	for text, want := range map[string]scopedsearch.Order{
		"":                {},
		" \t":             {},
		"name":            {By: by("name", false), Name: "name", Direction: "ASC"},
		"name ASC":        {By: by("name", false), Name: "name", Direction: "ASC"},
		"name asc":        {By: by("name", false), Name: "name", Direction: "asc"},
		"name DESC":       {By: by("name", true), Name: "name", Direction: "DESC"},
		"name \t dEsC":    {By: by("name", true), Name: "name", Direction: "dEsC"},
		"name DESC, id":   {By: by("name", false), Name: "name", Direction: "DESC,"},
		"name desc ":      {By: by("name", false), Name: "name", Direction: "desc"},
		"name sideways":   {By: by("name", false), Name: "name", Direction: "sideways"},
		"user_id DESC":    {By: by("owner", true), Name: "user_id", Direction: "DESC"},
		"auth_source asc": {Name: "auth_source", Direction: "asc"}, // all have the same
	} {
		got, err := scopedsearch.ParseOrder(text, fields)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("ParseOrder(%q): %v (-want +got):\n%s", text, err, diff)
		}
	}
	for text, field := range map[string]string{
		"created_at": "created_at", "NAME": "NAME", "name;": "name;", "name,id DESC": "name,id", "-name": "-name",
		" name": "", "organization": "organization", "id;DROP TABLE keys": "id;DROP",
	} {
		_, err := scopedsearch.ParseOrder(text, fields)
		msg := "the field '" + field + "' in the order statement is not valid field for search"
		wantError(t, text, err, &scopedsearch.Error{Msg: msg, Class: scopedsearch.NotSupported})
	}
}

func TestPaging(t *testing.T) {
	t.Parallel()
	const total = 57
	for _, tt := range []struct {
		page, perPage string
		number, size  int64 // as replied
		want          core.Page
		none          bool
	}{
		{"", "", 1, 20, core.Page{Limit: 20}, false},
		{"3", "", 3, 20, core.Page{Offset: 40, Limit: 20}, false},
		{"2", "10", 2, 10, core.Page{Offset: 10, Limit: 10}, false},
		{"7", "all", 7, total, core.Page{}, false},
		{"", "4294967296", 1, 4294967296, core.Page{Limit: 4294967296}, false},
		{"", "9223372036854775807", 1, 9223372036854775807, core.Page{Limit: 9223372036854775807}, false},
		{"", "2x", 1, 2, core.Page{Limit: 2}, false},
		{"", " +2", 1, 2, core.Page{Limit: 2}, false},
		{"", "1.9", 1, 1, core.Page{Limit: 1}, false},
		{"", "0", 1, 0, core.Page{}, true},
		{"", "abc", 1, 0, core.Page{}, true},
		{"", "ALL", 1, 0, core.Page{}, true},
		{"", "-0", 1, 0, core.Page{}, true},
		{"9223372036854775807", "20", 9223372036854775807, 20, core.Page{}, true},
		{"9223372036854775807", "1", 9223372036854775807, 1, core.Page{Offset: 9223372036854775806, Limit: 1}, false},
		{" 2 ", "", 2, 20, core.Page{Offset: 20, Limit: 20}, false},
		{"0x10", "", 16, 20, core.Page{Offset: 300, Limit: 20}, false},
		{"1_0", "", 10, 20, core.Page{Offset: 180, Limit: 20}, false},
	} {
		p, err := scopedsearch.ParsePaging(tt.page, tt.perPage)
		page, some := p.Page()
		if err != nil || p.Number != tt.number || p.PerPage(total) != tt.size || page != tt.want || some == tt.none {
			t.Errorf("ParsePaging(%q, %q) = page %d of %d, %+v, %v, %v; want page %d of %d, %+v, %v",
				tt.page, tt.perPage, p.Number, p.PerPage(total), page, some, err, tt.number, tt.size, tt.want, !tt.none)
		}
	}
	for _, tt := range []struct{ page, perPage, msg string }{
		{"0", "", "invalid page: 0"},
		{"-1", "all", "invalid page: -1"},
		{"99999999999999999999", "", "invalid page: 99999999999999999999"},
		{"abc", "", `invalid value for Integer(): "abc"`},
		{"1.5", "", `invalid value for Integer(): "1.5"`},
		{"2x", "", `invalid value for Integer(): "2x"`},
		{" ", "", `invalid value for Integer(): " "`},
		{"\"\n", "", `invalid value for Integer(): "\"\n"`},
		{strings.Repeat("9", 65), "", `invalid value for Integer(): "` + strings.Repeat("9", 65) + `"`},
		{"", "-1", "invalid per_page: -1"},
		{"", "99999999999999999999", "invalid per_page: 99999999999999999999"},
	} {
		_, err := scopedsearch.ParsePaging(tt.page, tt.perPage)
		wantError(t, tt.page+" of "+tt.perPage, err, &scopedsearch.Error{Msg: tt.msg})
	}
}
