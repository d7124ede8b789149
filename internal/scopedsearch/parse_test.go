package scopedsearch_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keyrack/internal/core"
	"keyrack/internal/scopedsearch"
)

// item is an element of a list, by the names of its attributes.
type item map[core.Attribute]any

// now is a Thursday in a zone that is ahead of UTC.
var now = time.Date(2024, 10, 24, 11, 21, 3, 0, time.FixedZone("", 2*60*60))

var keyFields = scopedsearch.Fields{
	{Name: "id", Type: scopedsearch.Integer, Attribute: "id"},
	{Name: "name", Attribute: "name", Bare: true},
	{Name: "user_id", Type: scopedsearch.Integer, Attribute: "owner"},
}

var keys = []item{
	{"id": int64(1), "name": "laptop", "owner": int64(7)},
	{"id": int64(2), "name": "Work Laptop", "owner": int64(7)},
	{"id": int64(3), "name": "desktop", "owner": int64(7)},
	{"id": int64(4), "name": "x_y", "owner": int64(7)},
}

var userFields = scopedsearch.Fields{
	{Name: "login", Attribute: "login", Bare: true},
	{Name: "firstname", Attribute: "firstname", Bare: true},
	{Name: "id", Type: scopedsearch.Integer, Attribute: "id"},
	{Name: "admin", Type: scopedsearch.Flag, Attribute: "admin"},
	{Name: "disabled", Type: scopedsearch.Flag, Attribute: "disabled"},
	{Name: "last_login_on", Type: scopedsearch.Date, Attribute: "last_login_on"},
	{Name: "auth_source", Value: "Internal", Bare: true},
	{Name: "usergroup", Bare: true},
	{Name: "organization", Attribute: "organization", Many: true},
	{Name: "organization_id", Type: scopedsearch.Integer, Attribute: "organization_id", Many: true},
}

var users = []item{
	{"id": int64(1), "login": "ada", "firstname": "Ada", "admin": true, "disabled": false,
		"last_login_on": now.Add(-90 * time.Minute), "organization": []any{"acme", "zeta"}, "organization_id": []any{int64(5), int64(6)}},
	{"id": int64(2), "login": "bob", "firstname": nil, "admin": false, "disabled": true,
		"last_login_on": now.AddDate(0, 0, -1), "organization": []any{"acme"}, "organization_id": []any{int64(5)}},
	{"id": int64(3), "login": "admin", "firstname": "Zoë", "admin": false, "disabled": nil,
		"last_login_on": nil, "organization": []any{}, "organization_id": []any{}},
	{"id": int64(4), "login": "dan.internal", "firstname": "Ådne", "admin": false, "disabled": false,
		"last_login_on": now.AddDate(0, -2, 0), "organization": []any{"zeta"}, "organization_id": []any{int64(6)}},
}

func idsOf(f core.Filter, items []item) []int64 {
	ids := []int64{}
	for _, it := range items {
		if core.Holds(f, func(a core.Attribute) any { return it[a] }) {
			ids = append(ids, it["id"].(int64))
		}
	}
	return ids
}

func TestWorkedExamples(t *testing.T) {
	t.Parallel()
	all := []int64{1, 2, 3, 4}
	none := []int64{}
	for query, want := range map[string][]int64{
		// Observed in the reference.
		`laptop`: {1, 2}, `LAPTOP`: {1, 2}, `lap top`: {1, 2},
		`name = laptop`: {1}, `name = LAPTOP`: none,
		`name = "Work Laptop"`:        {2},
		`lap or desk`:                 {1, 2, 3},
		`lap, desk`:                   none,
		`laptop and x_y or desktop`:   none,
		`(laptop and x_y) or desktop`: {3},
		`not laptop`:                  {3, 4},
		`name ^ (laptop, desktop)`:    {1, 3},
		`id > 1 and id <= 3`:          {2, 3},
		`bogus`:                       none,
		`laptop -desktop`:             {1, 2},
		`name ~ lap`:                  {1, 2},
		`name ~ lap*`:                 {1},
		`name ~ *top`:                 all[:3],
		`name = Work Laptop`:          none,
		`laptop and`:                  {1, 2},
		`name =`:                      none,
		`name ^ ()`:                   none,
	} {
		f, err := scopedsearch.Parse(query, keyFields, now)
		if err != nil {
			t.Errorf("Parse(%q): %v", query, err)
		} else if got := idsOf(f, keys); !slices.Equal(got, want) {
			t.Errorf("Parse(%q) finds %v, want %v", query, got, want)
		}
	}
}

// wantError checks the exact words, class and kind of an error.
func wantError(t *testing.T, what string, err error, want *scopedsearch.Error) {
	t.Helper()
	got, ok := errors.AsType[*scopedsearch.Error](err)
	if !ok {
		t.Errorf("%s: error %v, want %q", what, err, want.Msg)
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: error (-want +got):\n%s", what, diff)
	}
	if core.KindOf(err) != core.Invalid {
		t.Errorf("%s: error is of kind %v, want %v", what, core.KindOf(err), core.Invalid)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for query, msg := range map[string]string{
		// Observed in the reference.
		`bogus = 1`:        "Field 'bogus' not recognized for searching!",
		`name.foo = x`:     "Field 'name.foo' not recognized for searching!",
		`NAME = x`:         "Field 'NAME' not recognized for searching!",
		`has bogus`:        "Field 'bogus' not recognized for searching!",
		`null? bogus`:      "Field 'bogus' not recognized for searching!",
		`id ~ 1`:           "the operator 'like' is not supported for field type 'integer'",
		`id !~ 1`:          "the operator 'unlike' is not supported for field type 'integer'",
		`id!~ 1`:           "Field 'id!' not recognized for searching!",
		`id = abc`:         "Value 'abc' is not valid for field 'id'",
		`id = 1.5`:         "Value '1.5' is not valid for field 'id'",
		`id ^ (1,abc)`:     "Value 'abc' is not valid for field 'id'",
		`id = -1`:          "Value expected but found :not",
		`name = (x)`:       "Value expected but found :lparen",
		`name = = x`:       "Value expected but found :eq",
		`disabled = maybe`: "'disabled' should be one of 'true, false', but the query was 'maybe'",
		`disabled > true`:  "Operator 'gt' not supported for 'disabled'",
	} {
		fields := keyFields
		if query[0] == 'd' {
			fields = userFields
		}
		_, err := scopedsearch.Parse(query, fields, now)
		wantError(t, query, err, &scopedsearch.Error{Msg: msg, Class: scopedsearch.NotSupported})
	}
}
