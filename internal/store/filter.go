package store

import (
	"database/sql"
	"fmt"
	"reflect"
	"strings"
	"time"

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
}

// filtered gives the rows of one page of what a filter finds, and how many it
// finds in all. Without order the rows come as otherwise says.
func filtered[R any](t *tx, known fields, where core.Filter, order []core.Order, otherwise string, p core.Page) ([]R, int, error) {
	c := condition{known: known, speaks: t.db.speaks}
	if where != nil {
		c.text.WriteString("WHERE ")
		c.add(where)
	}
	if c.err != nil {
		return nil, 0, c.err
	}
	s := shapeOf[R](t.db)
	var n int
	count := func(r *sql.Rows) error { return r.Scan(&n) }
	if err := t.onceBound(count, "SELECT count(*) FROM "+s.table+" "+c.text.String(), c.args); err != nil {
		return nil, 0, err
	}
	by, err := orderBy(known, order, otherwise)
	if err != nil {
		return nil, 0, err
	}
	size, offset := limit(p)
	var rows []R
	text := s.selects + c.text.String() + " ORDER BY " + by + " LIMIT ? OFFSET ?"
	err = t.onceBound(appendTo(s, &rows), text, append(c.args, size, offset))
	return rows, n, err
}

// orderBy gives the terms of ORDER BY. Where both databases do not agree by
// themselves on where NULL belongs, it is said.
func orderBy(known fields, order []core.Order, otherwise string) (string, error) {
	if len(order) == 0 {
		return otherwise, nil
	}
	var terms []string
	for _, o := range order {
		c, ok := known[o.Attribute]
		if !ok {
			return "", fmt.Errorf("there is no field %q to order by", o.Attribute)
		}
		if o.Descending {
			terms = append(terms, c.name+" DESC NULLS LAST")
		} else {
			terms = append(terms, c.name+" NULLS FIRST")
		}
	}
	return strings.Join(append(terms, "id"), ", "), nil
}

// condition is the text of a filter in the making, with the arguments it binds.
type condition struct {
	known  fields
	speaks dialect
	text   strings.Builder
	args   []any
	narrow bool // a sharp column stands beside
	err    error
}

func (c *condition) add(f core.Filter) {
	switch f := f.(type) {
	case nil:
		c.text.WriteString("TRUE")
	case core.And:
		c.narrow = c.narrow || c.hasSharp(f)
		c.join(f, " AND ", "TRUE")
	case core.Or:
		c.join(f, " OR ", "FALSE")
	case core.Not:
		c.text.WriteString("NOT coalesce(")
		c.add(f.Of)
		c.text.WriteString(", FALSE)")
	case core.Compare:
		c.compare(f)
	}
}

// join writes the parts in parentheses with the operator between them.
func (c *condition) join(parts []core.Filter, operator, none string) {
	if len(parts) == 0 {
		c.text.WriteString(none)
		return
	}
	c.text.WriteString("(")
	for i, part := range parts {
		if i > 0 {
			c.text.WriteString(operator)
		}
		c.add(part)
	}
	c.text.WriteString(")")
}

func (c *condition) hasSharp(parts []core.Filter) bool {
	for _, part := range parts {
		if e, ok := part.(core.Compare); ok && e.Op == core.Equal && c.known[e.Attribute].sharp {
			return true
		}
	}
	return false
}

var operators = map[core.Op]string{
	core.Equal: " = ?", core.NotEqual: " <> ?", core.Less: " < ?", core.LessOrEqual: " <= ?",
	core.Greater: " > ?", core.GreaterOrEqual: " >= ?",
}

func (c *condition) compare(e core.Compare) {
	known, ok := c.known[e.Attribute]
	if !ok {
		c.err = fmt.Errorf("there is no field %q to filter by", e.Attribute)
		return
	}
	name := known.name
	if c.narrow && known.aside != "" {
		name = known.aside
	}
	switch e.Op {
	case core.IsUnset:
		c.text.WriteString(name + " IS NULL")
	case core.OneOf:
		c.oneOf(name, e.Value.([]any))
	case core.NotOneOf:
		c.text.WriteString("NOT ")
		c.oneOf(name, e.Value.([]any))
	case core.Contains:
		c.bind(c.speaks.like(name), "%"+likeEscaper.Replace(e.Value.(string))+"%")
	case core.Like:
		c.bind(c.speaks.like(name), e.Value)
	case core.NotLike:
		c.bind("NOT "+c.speaks.like(name), e.Value)
	default:
		c.bind(name+operators[e.Op], e.Value)
	}
}

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

func (c *condition) bind(text string, value any) {
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
