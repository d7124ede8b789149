package scopedsearch_test

import (
	"slices"
	"testing"

	"keyrack/internal/core"
	"keyrack/internal/scopedsearch"
)

// The first four are those of the reference's worked examples.
var keys = []item{
	{"id": int64(1), "name": "laptop", "owner": int64(7)},
	{"id": int64(2), "name": "Work Laptop", "owner": int64(7)},
	{"id": int64(3), "name": "desktop", "owner": int64(7)},
	{"id": int64(4), "name": "x_y", "owner": int64(7)},
	{"id": int64(5), "name": "100%", "owner": int64(7)},
	{"id": int64(6), "name": `a\b`, "owner": int64(7)},
	{"id": int64(7), "name": "Größe", "owner": int64(7)},
	{"id": int64(8), "name": `it"s`, "owner": int64(7)},
	{"id": int64(9), "name": "and", "owner": int64(7)},
	{"id": int64(10), "name": "xay", "owner": int64(7)},
	{"id": int64(11), "name": "laptop", "owner": int64(8)},
	{"id": int64(12), "name": "Ünï 鍵", "owner": int64(8)},
}

// ids are those that a query finds, in order.
type ids []int64

// all gives the ids of all keys.
func all() ids { return but() }

// but gives the ids of all keys but some.
func but(these ...int64) ids {
	var rest ids
	for _, k := range keys {
		if id := k["id"].(int64); !slices.Contains(these, id) {
			rest = append(rest, id)
		}
	}
	return rest
}

// examples are the queries that were tried in the reference, on the first four keys.
var examples = []struct {
	query string
	want  ids
}{
	{`laptop`, ids{1, 2}}, {`LAPTOP`, ids{1, 2}}, {`lap top`, ids{1, 2}},
	{`name = laptop`, ids{1}}, {`name = LAPTOP`, nil},
	{`name = "Work Laptop"`, ids{2}},
	{`lap or desk`, ids{1, 2, 3}},
	{`lap, desk`, nil},
	{`laptop and x_y or desktop`, nil},
	{`(laptop and x_y) or desktop`, ids{3}},
	{`not laptop`, ids{3, 4}},
	{`name ^ (laptop, desktop)`, ids{1, 3}},
	{`id > 1 and id <= 3`, ids{2, 3}},
	{`bogus`, nil},
	{`laptop -desktop`, ids{1, 2}},
	{`name ~ lap`, ids{1, 2}}, {`name ~ lap*`, ids{1}}, {`name ~ *top`, ids{1, 2, 3}},
}

var keyQueries = []struct {
	query string
	want  ids
}{
	// What restricts nothing.
	{``, all()}, {" \t\r\n\v\f", all()}, {`()`, all()}, {`(`, all()}, {`,`, all()}, {`and`, all()}, {`OR`, all()}, {`not`, all()},
	{`> k`, all()}, {`not > k`, all()}, {`,,laptop`, all()},
	{`laptop or > k`, ids{1, 2, 11}},

	// Words.
	{`laptop`, ids{1, 2, 11}}, {`LapTop`, ids{1, 2, 11}},
	{`"laptop"`, ids{1, 2, 11}}, {`'laptop'`, nil}, {`lap-top`, nil},
	{`"Work Laptop"`, ids{2}}, {`"work lap`, ids{2}}, {`lap\`, nil}, {`"lap\`, ids{1, 2, 11}},
	{`it"s`, ids{8}}, {`"it\"s"`, ids{8}}, {`name = it"s`, ids{8}},
	{`"and"`, ids{9}}, {`name = "and"`, ids{9}},
	{`GRÖßE`, ids{7}}, {`größe`, ids{7}}, {`GRÖSSE`, nil}, {`ÜNÏ`, ids{12}}, {`鍵`, ids{12}}, {`ün_`, ids{12}},
	{`""`, all()}, {`user_id`, nil}, {`laptop laptop`, ids{1, 2, 11}},

	// Operators on texts.
	{`name=laptop`, ids{1, 11}}, {`name == laptop`, ids{1, 11}}, {`name at laptop`, ids{1, 11}}, {`name AT laptop`, ids{1, 11}},
	{`name != laptop`, but(1, 11)}, {`name<>laptop`, but(1, 11)}, {`name = ""`, nil},
	{`name = Work Laptop`, nil}, {`name = laptop Laptop`, ids{1, 11}},
	{`= laptop`, ids{1, 11}}, {`!= laptop`, but(1, 11)}, {`~ laptop`, ids{1, 2, 11}}, {`!~ top`, but(1, 2, 3, 11)},
	{`name !~ top`, but(1, 2, 3, 11)}, {`name !~ lap*`, but(1, 11)},
	{`name > k`, ids{1, 4, 10, 11, 12}}, {`name < Z`, ids{2, 5, 7}}, {`name >= laptop and name <= laptop`, ids{1, 11}},
	{`name after x`, ids{4, 10, 12}}, {`name before a`, ids{2, 5, 7}},
	{`has name`, all()}, {`set? name`, all()}, {`null? name`, nil}, {`not null? name`, all()}, {`not has name`, nil},
	{`HAS name`, all()},

	// Patterns.
	{`name ~ lap*`, ids{1, 11}}, {`name ~ LAP%`, ids{1, 11}}, {`name ~ *top`, ids{1, 2, 3, 11}}, {`name ~ l**%p*p`, ids{1, 11}},
	{`name ~ *`, all()}, {`lap*`, ids{1, 11}},
	{`x_y`, ids{4, 10}}, {`name = x_y`, ids{4}}, {`name ~ x\_y`, ids{4}}, {`name ~ "x\_y"`, ids{4, 10}}, {`name ~ "x\\_y"`, ids{4}},
	{`100%`, ids{5}}, {`name ~ *\%`, ids{5}}, {`name ~ \%`, nil}, {`name ~ 100\%`, ids{5}}, {`name ~ 100\*`, ids{5}},
	{`name ~ a\\b`, ids{6}}, {`name ~ a\b`, nil}, {`name = a\b`, ids{6}}, {`name = "a\\b"`, ids{6}}, {`name ~ "*\\"`, nil},
	{`name ~ _________`, ids{2}}, {`name ~ Gr__e`, ids{7}},

	// Lists.
	{`name ^ (laptop, desktop)`, ids{1, 3, 11}}, {`name ^ "laptop,desktop"`, ids{1, 3, 11}}, {`name ^ laptop`, ids{1, 11}},
	{`name ^ (laptop desktop)`, ids{1, 3, 11}}, {`name ^ (laptop, = desktop`, ids{1, 3, 11}}, {`name ^ ("Work Laptop", x_y)`, ids{2, 4}},
	{`name ^ (" laptop ",)`, ids{1, 11}}, {`name ^ laptop, desktop`, nil},
	{`name !^ (laptop, desktop)`, but(1, 3, 11)}, {`^ (laptop, desktop)`, ids{1, 3, 11}}, {`!^ (laptop, desktop)`, but(1, 3, 11)},
	{`name ^ ()`, nil}, {`name ^ ""`, nil}, {`name !^ ""`, all()}, {`name ^ ",,"`, nil}, {`name^(laptop)`, nil},
	{`id ^ (1, 3)`, ids{1, 3}}, {`id !^ (1,3)`, but(1, 3)}, {`user_id ^ 8`, ids{11, 12}},

	// Integers.
	{`id = 3`, ids{3}}, {`id = 003`, ids{3}}, {`id<>3`, but(3)}, {`id < 3`, ids{1, 2}}, {`id >= 11`, ids{11, 12}},
	{`id after 10`, ids{11, 12}}, {`id before 3`, ids{1, 2}}, {`id = "-1"`, nil}, {`id > "-1"`, all()},
	{`id = 99999999999999999999`, nil}, {`id != 99999999999999999999`, all()}, {`id < 99999999999999999999`, all()},
	{`id > 99999999999999999999`, nil}, {`id > "-99999999999999999999"`, all()}, {`id ^ (1, 99999999999999999999)`, ids{1}},
	{`id !^ 99999999999999999999`, all()}, {`id = 9223372036854775807`, nil}, {`id ^ ""`, nil},

	// Connectives group to the right, terms side by side bind loosest.
	{`laptop user_id = 8`, ids{11}}, {`laptop and user_id = 8`, ids{11}}, {`laptop & user_id=8`, ids{11}}, {`laptop&&user_id=8`, ids{11}},
	{`laptop or desktop`, ids{1, 2, 3, 11}}, {`laptop|desktop`, ids{1, 2, 3, 11}}, {`laptop || desktop`, ids{1, 2, 3, 11}},
	{`laptop and user_id = 8 or desktop`, ids{11}}, {`desktop or laptop and user_id = 8`, ids{3, 11}},
	{`laptop user_id = 8 or desktop`, ids{11}}, {`desktop or laptop user_id = 8`, ids{11}},
	{`desktop or user_id = 8 and laptop or x_y`, ids{3, 11}},
	{`user_id = 8 or name = and`, ids{11, 12}},
	{`and laptop`, ids{1, 2, 11}}, {`or laptop`, ids{1, 2, 11}}, {`laptop and`, ids{1, 2, 11}}, {`laptop or or desktop`, ids{1, 2, 3, 11}},
	{`,laptop`, ids{1, 2, 11}}, {`laptop,`, ids{1, 2, 11}}, {`laptop, user_id = 8`, ids{11}},

	// Negation takes one term.
	{`not laptop`, but(1, 2, 11)}, {`! laptop`, but(1, 2, 11)}, {`!laptop`, but(1, 2, 11)}, {`-laptop`, but(1, 2, 11)},
	{`not not laptop`, ids{1, 2, 11}}, {`not (laptop or desktop)`, but(1, 2, 3, 11)}, {`not laptop or desktop`, but(1, 2, 11)},
	{`not laptop desktop`, ids{3}}, {`laptop -user_id = 8`, ids{1, 2}}, {`not name ^ (laptop)`, but(1, 11)}, {`not , laptop`, but(1, 2, 11)},

	// Parentheses need not match.
	{`(laptop`, ids{1, 2, 11}}, {`laptop)`, ids{1, 2, 11}}, {`laptop) desktop`, ids{1, 2, 11}}, {`) laptop`, all()},
	{`((laptop) user_id = 7`, ids{1, 2}}, {`(laptop and) desktop`, ids{1, 2, 11}}, {`(laptop) (user_id = 8)`, ids{11}},
	{`(user_id = 8 or desktop) and (laptop or desktop)`, ids{3, 11}},
}

func parse(t *testing.T, query string, fields scopedsearch.Fields) core.Filter {
	t.Helper()
	f, err := scopedsearch.Parse(query, fields, now)
	if err != nil {
		t.Errorf("Parse(%q): %v", query, err)
		return core.Or{}
	}
	return f
}

func found(f core.Filter, items []item) ids {
	var found ids
	for _, it := range items {
		if core.Holds(f, func(a core.Attribute) any { return it[a] }) {
			found = append(found, it["id"].(int64))
		}
	}
	return found
}

func TestKeysFound(t *testing.T) {
	t.Parallel()
	for _, tt := range examples {
		if got := found(parse(t, tt.query, keyFields), keys[:4]); !slices.Equal(got, tt.want) {
			t.Errorf("%q finds %v of the examples, want %v", tt.query, got, tt.want)
		}
	}
	for _, tt := range keyQueries {
		if got := found(parse(t, tt.query, keyFields), keys); !slices.Equal(got, tt.want) {
			t.Errorf("%q finds %v, want %v", tt.query, got, tt.want)
		}
	}
}
