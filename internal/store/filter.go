package store

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"keyrack/internal/core"
)

// fields are the columns behind the fields of a list: the only names that get
// into the text of its queries.
type fields map[core.Attribute]column

type column struct {
	name string
	// sharp columns find few rows. Beside such a one no other index is worth
	// using, which databases without statistics cannot know: aside is the
	// column as an expression that no index is used for.
	sharp bool
	aside string
	// own columns have an index that finds the rows of one value.
	own bool
	// folded is the column that holds the text as [foldCase] makes it, in which
	// parts are looked for; empty: there is none.
	folded string
	// parts names the index of what the folded column contains, as SQLite has it;
	// empty: there is none.
	parts string
	// referred is the query of the value that the column has for one of its own.
	referred string
	// restless columns change without another edition of the list.
	restless bool
	// hashed columns are fingerprints, which the dialect finds in its own way.
	hashed bool
	// ranged columns are times with an index of their own.
	ranged bool
	// optional columns may be NULL.
	optional bool
	// among is a query for the values of a row that may have several: a
	// comparison holds where it does with one of them.
	among string
}

// fewRows is up to how many rows are found by the filter and then sorted. More,
// and all rows there are, are met sooner on a walk through the index of the order.
const fewRows = 10_000

// filtered gives the rows of one page of what a filter finds, and how many it
// finds in all. Without order the rows come as otherwise says.
//
// How many there are is known first, and tells how to come to the page: few
// rows are sorted, of many the ids are taken from the index of the order, from
// the end that is nearer, and only the rows of the page are read.
func filtered[R any](t *tx, known fields, where core.Filter, order []core.Order, otherwise string, p core.Page) ([]R, int, error) {
	s := shapeOf[R](t.db)
	c := condition{t: t, known: known, table: s.table, of: known.rangeOf(where)}
	sharp := p.Offset == 0 && c.hasSharp([]core.Filter{where})
	if !sharp && t.lone {
		return nil, 0, t.fail(errSecond) // it will take one: the first would be run in vain
	}
	c.where(where)
	terms, err := orderBy(known, order, otherwise)
	if err = cmp.Or(c.err, err); err != nil {
		return nil, 0, err
	}
	if sharp || c.narrow && p.Offset == 0 {
		if rows, is, err := single[R](&c); is || err != nil {
			return rows, len(rows), err
		}
	}
	n, err := c.total()
	if err != nil {
		return nil, 0, err
	}
	rows, err := read[R](&c, terms, reach(p, n), n <= t.db.fewRows)
	return rows, n, err
}

// read gives a stretch of the rows that a condition finds, few or many.
func read[R any](c *condition, order terms, part stretch, few bool) (rows []R, err error) {
	if part.size == 0 {
		return nil, nil
	}
	s := shapeOf[R](c.t.db)
	w := walk{condition: c, order: order, part: part}
	if !few {
		w.known = c.landmarks(order, part.backward)
	}
	way, args, ahead := w.shortened()
	run, text := c.t.onceBound, s.pageText(way, order.text(part.backward), few, c.t.db.speaks.fence())
	if !few && c.everything() && ahead <= part.size && part.size <= fewRows {
		run, text = c.t.fewBound, s.walkText(way, order.text(part.backward))
	}
	if err = run(appendTo(s, &rows), text, args); err == nil {
		setLandmarks(w, s, rows)
	}
	if part.backward {
		slices.Reverse(rows)
	}
	return rows, err
}

// single gives what a condition that finds few rows does, and whether that is one
// row at most, as nearly always: then nothing is counted, and nothing sorted, for
// which SQLite would make a table first.
func single[R any](c *condition) (rows []R, is bool, err error) {
	s := shapeOf[R](c.t.db)
	err = c.t.fewBound(appendTo(s, &rows), s.selects+c.text.String()+" LIMIT 2", slices.Clone(c.args))
	return rows, len(rows) < 2, err
}

// walkText is the query of a page where a walk through an index begins, with LIMIT
// and OFFSET to bind: rows that come in its order need not be collected first.
func (s *shape) walkText(where, order string) string {
	return s.selects + where + " ORDER BY " + order + bounds
}

// pageText is the query of a page among few rows or many.
func (s *shape) pageText(where, order string, few bool, fence string) string {
	ids := "(SELECT id AS page_id FROM " + s.table + where
	switch {
	case strings.HasPrefix(order, "id"): // the table's own order
		return s.walkText(where, order)
	case few && fence == "":
		// The plus keeps SQLite from the index of the order. Sorting the ids first,
		// it reads whole rows of the page alone.
		return s.selects + "WHERE id IN " + ids + " ORDER BY +" + order + bounds + ") ORDER BY " + order
	case few:
		ids = "(SELECT id AS page_id FROM (SELECT * FROM " + s.table + where + fence + ") AS found"
	}
	// The limit is bound bare: told how few they are, SQLite looks for the rows of the
	// page, where it would else go through all and ask of each whether it is one.
	return s.selects + "JOIN " + ids + " ORDER BY " + order + " LIMIT ? OFFSET ?) AS page ON id = page_id ORDER BY " + order
}

// stretch is a part of a list, counted from its end where that is nearer.
type stretch struct {
	offset, size int
	backward     bool
}

// reach gives the part of n rows that a page is.
func reach(p core.Page, n int) stretch {
	size, offset := limit(p)
	size = max(min(size, n-offset), 0)
	if behind := n - offset - size; behind < offset {
		return stretch{behind, size, true}
	}
	return stretch{offset, size, false}
}

// terms are those of ORDER BY.
type terms []term

type term struct {
	name                           string
	descending, optional, restless bool
}

func orderBy(known fields, order []core.Order, otherwise string) (terms, error) {
	if len(order) == 0 {
		return terms{{name: otherwise}}, nil
	}
	var all terms
	for _, o := range order {
		c, ok := known[o.Attribute]
		if !ok {
			return nil, fmt.Errorf("there is no field %q to order by", o.Attribute)
		}
		all = append(all, term{c.name, o.Descending, c.optional, c.restless})
	}
	return append(all, term{name: "id"}), nil
}

// text writes the terms. Where NULL belongs is said, since the databases do not
// agree on it; but only where there may be any, or no index would serve.
func (l terms) text(backward bool) string {
	var all []string
	for _, t := range l {
		text := t.name
		if t.descending != backward {
			text += " DESC"
		}
		switch {
		case t.optional && t.descending != backward:
			text += " NULLS LAST"
		case t.optional:
			text += " NULLS FIRST"
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// condition is the text of a filter in the making, with the arguments it binds.
type condition struct {
	t      *tx
	known  fields
	table  string
	text   strings.Builder
	args   []any
	narrow bool // what finds few rows stands beside
	err    error

	restless bool   // what is looked at changes without another edition of the list
	edition  string // of the list that is looked at, where it is known

	of     *timeRange   // what it is nothing but; nil: anything else
	ranges *rangeCounts // those that differ from it in their time alone
}

// everything tells whether all rows are found.
func (c *condition) everything() bool { return strings.TrimSpace(c.text.String()) == "" }

// joint is what stands before one more condition.
func (c *condition) joint() string {
	if c.everything() {
		return "WHERE "
	}
	return " AND "
}

func (c *condition) where(f core.Filter) {
	c.text.WriteString(" ")
	if f != nil {
		c.text.WriteString("WHERE ")
		c.add(f)
	}
}

func (c *condition) add(f core.Filter) {
	switch f := f.(type) {
	case nil:
		c.text.WriteString("TRUE")
	case core.And:
		parts := c.findersFirst(flat(f))
		c.narrow = c.narrow || c.hasSharp(parts)
		c.join(parts, " AND ", "TRUE")
	case core.Or:
		c.either(f)
	case core.Not:
		outer := c.narrow
		c.text.WriteString("NOT coalesce(")
		c.add(f.Of)
		c.text.WriteString(", FALSE)")
		c.narrow = outer
	case core.Compare:
		c.compare(f)
	}
}

// flat takes the parts of conditions that are parts themselves.
func flat(f core.And) (parts []core.Filter) {
	for _, part := range f {
		if more, ok := part.(core.And); ok {
			parts = append(parts, flat(more)...)
			continue
		}
		parts = append(parts, part)
	}
	return parts
}

// findersFirst puts what is found by an index of parts before the rest: whether
// that is little decides how the rest is written.
func (c *condition) findersFirst(parts []core.Filter) []core.Filter {
	finds := func(f core.Filter) bool {
		e, ok := f.(core.Compare)
		return ok && c.known[e.Attribute].parts != "" && (e.Op == core.Contains || e.Op == core.Like)
	}
	slices.SortStableFunc(parts, func(a, b core.Filter) int {
		switch {
		case finds(a) == finds(b):
			return 0
		case finds(a):
			return -1
		}
		return 1
	})
	return parts
}

// join writes the parts in parentheses with the operator between them.
func (c *condition) join(parts []core.Filter, operator, none string) {
	if len(parts) == 0 {
		c.text.WriteString(none)
		return
	}
	outer := c.narrow
	c.text.WriteString("(")
	for i, part := range parts {
		if i > 0 {
			c.text.WriteString(operator)
		}
		c.add(part)
		if operator == " OR " {
			c.narrow = outer // what one part finds says nothing of the others
		}
	}
	c.text.WriteString(")")
}

// either holds where one of the parts does. Where each finds its rows by an
// index of its own, SQLite is made to ask each one: without statistics it would
// rather go through all rows once.
func (c *condition) either(parts []core.Filter) {
	if !c.t.db.speaks.gathers() || c.narrow || len(parts) == 0 || !c.allOwn(parts) {
		c.join(parts, " OR ", "FALSE")
		return
	}
	c.text.WriteString("id IN (")
	for i, part := range parts {
		if i > 0 {
			c.text.WriteString(" UNION ALL ")
		}
		c.text.WriteString("SELECT id FROM " + c.table + " WHERE ")
		c.add(part)
	}
	c.text.WriteString(")")
}

func (c *condition) allOwn(parts []core.Filter) bool {
	return !slices.ContainsFunc(parts, func(f core.Filter) bool {
		e, ok := f.(core.Compare)
		return !ok || e.Op != core.Equal || !c.known[e.Attribute].own || e.Value == false
	})
}

func (c *condition) hasSharp(parts []core.Filter) bool {
	return slices.ContainsFunc(parts, func(part core.Filter) bool {
		if all, ok := part.(core.And); ok {
			return c.hasSharp(all)
		}
		e, ok := part.(core.Compare)
		return ok && e.Op == core.Equal && c.known[e.Attribute].sharp
	})
}

var operators = map[core.Op]string{ //nolint:exhaustive // the others are more than an operator
	core.Equal: " = ?", core.NotEqual: " <> ?", core.Less: " < ?", core.LessOrEqual: " <= ?",
	core.Greater: " > ?", core.GreaterOrEqual: " >= ?",
}

func (c *condition) compare(e core.Compare) {
	known, ok := c.known[e.Attribute]
	if !ok {
		c.err = fmt.Errorf("there is no field %q to filter by", e.Attribute)
		return
	}
	c.restless = c.restless || known.restless
	name := known.name
	if c.narrow && known.aside != "" {
		name = known.aside
	}
	if known.among != "" {
		c.compareAmong(known, e)
		return
	}
	c.compareOne(known, name, e)
}

// compareAmong holds where one of the values compares so; unset means none.
func (c *condition) compareAmong(known column, e core.Compare) {
	if e.Op == core.IsUnset {
		c.text.WriteString("NOT EXISTS (" + known.among + ")")
		return
	}
	c.text.WriteString("EXISTS (" + known.among + " AND ")
	c.compareOne(known, known.name, e)
	c.text.WriteString(")")
}

func (c *condition) compareOne(known column, name string, e core.Compare) {
	switch e.Op {
	case core.IsUnset:
		c.text.WriteString(name + " IS NULL")
	case core.OneOf:
		c.oneOf(name, e.Value.([]any))
	case core.NotOneOf:
		c.text.WriteString(name + " IS NOT NULL AND NOT ") // not in an empty list is what is set
		c.oneOf(name, e.Value.([]any))
	case core.Contains:
		c.contains(known, e.Value.(string))
	case core.Like:
		c.likeFound(known, e.Value.(string))
	case core.NotLike:
		c.text.WriteString("NOT ")
		c.like(known, e.Value.(string))
	case core.Equal:
		if known.hashed {
			text, args := c.t.db.speaks.fingerprint(name, e.Value.([]byte))
			c.text.WriteString(text)
			c.args = append(c.args, args...)
			return
		}
		c.bind(name+cmp.Or(known.referred, operators[e.Op]), e.Value)
	default:
		c.bind(name+operators[e.Op], e.Value)
	}
}

func (c *condition) like(in column, pattern string) {
	if in.folded != "" {
		in.name, pattern = in.folded, foldCase(pattern)
	}
	if end := len(pattern) - len(strings.TrimRight(pattern, `\`)); end%2 == 1 {
		pattern += `\` // one that takes nothing stands for itself; PostgreSQL refuses it
	}
	c.bind(c.t.db.speaks.like(in.name), pattern)
}

// likeFound is like for what is wanted, and not for what is not: where the
// pattern has a part that an index finds, only what is found there is compared.
func (c *condition) likeFound(in column, pattern string) {
	part := longestPart(foldCase(pattern))
	if in.parts == "" || c.narrow || utf8.RuneCountInString(part) < shortestPart {
		c.like(in, pattern)
		return
	}
	c.text.WriteString("(")
	c.part(in, part)
	c.text.WriteString(" AND ")
	c.like(in, pattern)
	c.text.WriteString(")")
}

// longestPart is the longest text that whatever has the form of a pattern contains.
func longestPart(pattern string) (longest string) {
	var part []rune
	literal := false
	for _, r := range pattern + "%" {
		switch {
		case !literal && r == '\\':
			literal = true
			continue
		case !literal && (r == '%' || r == '_'):
			if len(string(part)) > len(longest) {
				longest = string(part)
			}
			part = part[:0]
		default:
			part = append(part, r)
		}
		literal = false
	}
	return longest
}

// shortestPart is how many characters an index of parts has entries for.
const shortestPart = 3

func (c *condition) contains(in column, part string) {
	if in.parts == "" || part == "" {
		c.like(in, "%"+likeEscaper.Replace(part)+"%")
		return
	}
	c.part(in, foldCase(part))
}

// part holds where the folded column has a text as its part. Short ones are
// looked for in the index that the list walks anyway.
func (c *condition) part(in column, part string) {
	find := c.t.db.speaks.part
	if c.narrow || utf8.RuneCountInString(part) < shortestPart {
		find = c.t.db.speaks.anyPart
	}
	found, err := find(c.t, partOf{c.table, in, part})
	c.err = cmp.Or(c.err, err)
	c.text.WriteString(found.text)
	c.args = append(c.args, found.args...)
	c.narrow = c.narrow || found.few
}

// partOf is a folded text that is looked for in a column of a list.
type partOf struct {
	list string
	in   column
	text string
}

// foundParts is the condition that a column contains a text.
type foundParts struct {
	text string
	args []any
	few  bool // finds few rows, as a sharp column does
}

// foldCase takes the letter case out of a text, for searches that do not see it.
func foldCase(text string) string { return core.FoldCase(text) }

// likeEscaper makes a text one that LIKE finds as it is.
var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

func (c *condition) oneOf(name string, values []any) {
	if len(values) == 0 {
		c.text.WriteString("FALSE")
		return
	}
	c.text.WriteString(name + " IN (?" + strings.Repeat(", ?", len(values)-1) + ")")
	for _, v := range values {
		c.args = append(c.args, argument(v))
	}
}

// bind writes a comparison. That with a bool is the column itself, since an
// index of some of the rows is not found by an argument.
func (c *condition) bind(text string, value any) {
	if yes, ok := value.(bool); ok && strings.HasSuffix(text, operators[core.Equal]) {
		name := strings.TrimSuffix(text, operators[core.Equal])
		if !yes {
			name = "NOT " + name
		}
		c.text.WriteString(name)
		return
	}
	c.text.WriteString(text)
	c.args = append(c.args, argument(value))
}

// argument gives a value of a filter as the rows have it.
func argument(value any) any {
	switch v := value.(type) {
	case time.Time:
		return instant{v}
	case uuid.UUID:
		return uid(v)
	}
	if v := reflect.ValueOf(value); v.CanInt() {
		return v.Int()
	}
	return value
}
