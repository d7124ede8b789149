package store

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"keyrack/internal/lru"
)

// database is a pool of connections with the dialect spoken there.
type database struct {
	*bun.DB
	speaks dialect
	shapes sync.Map // reflect.Type of a row to *shape
	counts *counts

	landmarks *landmarkMap
	ranges    *rangeMap
	fewRows   int // as the constant, but for tests
}

func newDatabase(pool *bun.DB, speaks dialect) *database {
	return &database{
		DB: pool, speaks: speaks, fewRows: fewRows,
		counts:    lru.New[string, counted](countsKept),
		landmarks: lru.New[string, *landmarks](landmarkedLists),
		ranges:    lru.New[string, *rangeCounts](rangesKept),
	}
}

// dialect is where the two databases part.
type dialect interface {
	// bind gives the form in which the driver takes an argument.
	bind(arg any) any
	// placeholders turns ? into what the database calls its arguments.
	placeholders(text string) string
	// insert runs an INSERT of one row and gives the row's new id.
	insert(ctx context.Context, r runner, text string, args []any) (int64, error)
	// nextID is the expression for the id that a table's next row is to have, in a
	// transaction that writes; empty where that is told with the row at no cost.
	nextID(table string) string
	// reserve makes sure that an id which was given is not used again.
	reserve(t *tx, table string, id int64) error
	// rules are the database's own check of itself.
	rules() []rule
	// indexTexts adds rows to the indexes of parts of their texts.
	indexTexts(t *tx, rows []unindexed) error
	// fingerprint is the condition that a column is a fingerprint, for its index.
	fingerprint(column string, sum []byte) (text string, args []any)
	// like compares a column with a pattern without regard to case; a backslash
	// takes the next character as it is.
	like(column string) string
	// part gives the condition that a folded column has a text of three characters
	// or more as its part, by an index where that is quicker; anyPart that for any
	// text, by none.
	part(t *tx, p partOf) (foundParts, error)
	anyPart(t *tx, p partOf) (foundParts, error)
	// gathers tells whether rows that one of several indexes finds are better
	// gathered from each than left to the database.
	gathers() bool
	// fence is what behind a sub-select makes the database find its rows before
	// it looks at what is around; empty where it does so anyway. PostgreSQL would
	// rather walk the index of an order until it has met as many as a page takes,
	// which goes far where rows that are found stand together.
	fence() string
	// edition is the expression for the state of what filters of a list look at: a
	// text that is another one after each change, or NULL where there is none.
	edition(table string) string
	// lock runs a statement that locks rows, where others could write meanwhile.
	lock(t *tx, text string, args ...any) error
	// facts are what the database says of itself: a name and the query for it.
	facts() []Fact
	// uuidText is the expression for a UUID as text.
	uuidText(column string) string
	// translate turns an error of the driver into one of core's kinds.
	translate(err error) error
}

func (db *database) bind(args []any) []any {
	for i, a := range args {
		args[i] = db.speaks.bind(a)
	}
	return args
}

// shape is what is known of a row type: bun's reading of its tags, and the
// texts made from it. The first column is the id.
type shape struct {
	table   string
	columns []*schema.Field // of the table
	read    []*schema.Field // these and the derived ones

	selects   string // SELECT read FROM table
	names     string // what is read, each column with its table
	inserts   string // INSERT INTO table (columns) VALUES (…), without the id
	insertsID string // and with it
	updates   string // UPDATE table SET column = ?, … WHERE id = ?
}

// derived is a row with columns that its table does not have: their names,
// which are tagged scanonly, and the expressions that give them.
type derived interface {
	derived() [][2]string
}

func shapeOf[R any](db *database) *shape {
	typ := reflect.TypeFor[R]()
	if s, ok := db.shapes.Load(typ); ok {
		return s.(*shape)
	}
	s := newShape(db.Table(typ), *new(R))
	db.shapes.Store(typ, s)
	return s
}

func newShape(table *schema.Table, row any) *shape {
	name := string(table.SQLName)
	s := &shape{table: table.Name, columns: table.Fields, read: slices.Clone(table.Fields)}
	var names []string
	for _, f := range table.Fields {
		names = append(names, string(f.SQLName))
	}
	s.inserts = insertText(name, names[1:])
	s.insertsID = insertText(name, names)
	s.updates = "UPDATE " + name + " SET " + strings.Join(names[1:], " = ?, ") + " = ? WHERE " + names[0] + " = ?"
	if d, ok := row.(derived); ok {
		for _, column := range d.derived() {
			s.read = append(s.read, table.FieldMap[column[0]])
			names = append(names, column[1])
		}
	}
	s.selects = "SELECT " + strings.Join(names, ", ") + " FROM " + name + " "
	for i := range table.Fields {
		names[i] = name + "." + names[i]
	}
	s.names = strings.Join(names, ", ")
	return s
}

func insertText(table string, columns []string) string {
	return "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES (?" + strings.Repeat(", ?", len(columns)-1) + ")"
}

// appendFields appends where the columns that are read belong in the struct that v is.
func (s *shape) appendFields(dest []any, v reflect.Value) []any {
	for _, f := range s.read {
		dest = append(dest, f.Value(v).Addr().Interface())
	}
	return dest
}

// appendTo gives a scan that appends each row to rows. All are read into one
// place, so that its columns are looked up once.
func appendTo[R any](s *shape, rows *[]R) func(answer) error {
	row := new(R)
	dest := s.appendFields(make([]any, 0, len(s.read)), reflect.ValueOf(row).Elem())
	return func(r answer) error {
		*row = *new(R)
		err := r.Scan(dest...)
		*rows = append(*rows, *row)
		return err
	}
}

// values gives the values of some fields of the struct that v is.
func values(fields []*schema.Field, v reflect.Value) []any {
	args := make([]any, len(fields), len(fields)+1)
	for i, f := range fields {
		if field := f.Value(v); !f.NullZero || !f.IsZero(field) {
			args[i] = field.Interface()
		}
	}
	return args
}

// list gives the rows that the rest of a SELECT finds: WHERE, ORDER BY.
func list[R any](t *tx, rest string, args ...any) ([]R, error) {
	s := shapeOf[R](t.db)
	var rows []R
	err := t.query(appendTo(s, &rows), s.selects+rest, args...)
	return rows, err
}

// get gives the first row that the rest of a SELECT finds.
func get[R any](t *tx, rest string, args ...any) (R, error) {
	rows, err := list[R](t, rest+" LIMIT 1", args...)
	if err != nil {
		return *new(R), err
	}
	if len(rows) == 0 {
		return *new(R), errNotFound
	}
	return rows[0], nil
}

// getBoth gives the first row of each of two tables that belong together: the
// rest of a SELECT says how, from ON.
func getBoth[A, B any](t *tx, rest string, args ...any) (a A, b B, err error) {
	one, other, found := shapeOf[A](t.db), shapeOf[B](t.db), false
	scan := func(r answer) error {
		found = true
		dest := one.appendFields(make([]any, 0, len(one.read)+len(other.read)), reflect.ValueOf(&a).Elem())
		return r.Scan(other.appendFields(dest, reflect.ValueOf(&b).Elem())...)
	}
	text := "SELECT " + one.names + ", " + other.names + " FROM " + one.table + " JOIN " + other.table + " " + rest + " LIMIT 1"
	if err = t.query(scan, text, args...); err == nil && !found {
		err = errNotFound
	}
	return a, b, err
}

// insert adds a row and gives its id: the one it has, or else a new one.
func insert[R any](t *tx, row R) (int64, error) {
	s := shapeOf[R](t.db)
	v := reflect.ValueOf(&row).Elem()
	id := s.columns[0].Value(v).Int()
	if id == 0 {
		return t.insert(s.inserts, values(s.columns[1:], v))
	}
	if _, err := t.exec(s.insertsID, values(s.columns, v)...); err != nil {
		return 0, err
	}
	return id, t.db.speaks.reserve(t, s.table, id)
}

// insertLater adds a row and tells its new id by the end of the transaction.
func insertLater[R any](t *tx, row R, told func(id int64)) error {
	s := shapeOf[R](t.db)
	put := func(ctx context.Context, text string, args []any) error { return t.run.laterID(ctx, text, args, told) }
	return t.put(put, s.inserts, values(s.columns[1:], reflect.ValueOf(&row).Elem()))
}

// insertNext adds a row that has the id which the database would give next.
func insertNext[R any](t *tx, row R) error {
	s := shapeOf[R](t.db)
	return t.later(s.insertsID, values(s.columns, reflect.ValueOf(&row).Elem())...)
}

// lookUp is a query that is made of what it asks for.
type lookUp struct {
	columns []string
	args    []any
	dest    []any
}

// ask has one more column read into dest: an expression, with its arguments.
func (q *lookUp) ask(dest any, expression string, args ...any) {
	q.columns, q.args, q.dest = append(q.columns, expression), append(q.args, args...), append(q.dest, dest)
}

// one reads the one row that the rest of the query finds, from FROM on.
func (q *lookUp) one(t *tx, rest string, args ...any) error {
	err := error(errNotFound)
	scan := func(r answer) error {
		err = nil
		return r.Scan(q.dest...)
	}
	text := "SELECT " + strings.Join(q.columns, ", ") + " FROM " + rest
	if failed := t.query(scan, text, append(q.args, args...)...); failed != nil {
		return failed
	}
	return err
}

// steps are how many rows one statement takes at once, where it can take many.
// Few sizes are few texts to prepare.
var steps = []int{64, 16, 4, 1}

// inSteps runs a statement for some ids after the other: it is given the list
// of their places, "(?, ?)", and their values. To PostgreSQL a list of values
// is an index scan; a sub-select is a guess.
func inSteps[ID ~int64](ids []ID, run func(some string, args []any) error) error {
	for len(ids) > 0 {
		n := steps[slices.IndexFunc(steps, func(n int) bool { return n <= len(ids) })]
		args := make([]any, n)
		for i, id := range ids[:n] {
			args[i] = int64(id)
		}
		if err := run("(?"+strings.Repeat(", ?", n-1)+")", args); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

// insertAll adds rows in their order, many with one statement, so that what
// comes in hundreds costs PostgreSQL few round trips. Rows that have an id are
// added one by one.
func insertAll[R any](t *tx, rows []R) error {
	return inInsertSteps(t, rows, func(s *shape, rows []R) error {
		if !s.fresh(reflect.ValueOf(rows), len(rows)) { // then it is one
			_, err := insert(t, rows[0])
			return err
		}
		text, args := insertStep(s, rows)
		return t.later(text, args...)
	})
}

// insertTold adds rows as insertAll does, which must have no ids yet, and hands
// over the id of each with the value of one more column, in no certain order.
func insertTold[R any](t *tx, rows []R, column string, told func(answer) error) error {
	return inInsertSteps(t, rows, func(s *shape, rows []R) error {
		text, args := insertStep(s, rows)
		if err := t.writable(text, args); err != nil {
			return err
		}
		return t.query(told, text+" RETURNING id, "+column, args...)
	})
}

// inInsertSteps runs insert for some rows after the other.
func inInsertSteps[R any](t *tx, rows []R, insert func(s *shape, rows []R) error) error {
	s := shapeOf[R](t.db)
	for len(rows) > 0 {
		n := s.step(reflect.ValueOf(rows))
		if err := insert(s, rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// step is how many of the rows the next statement may add.
func (s *shape) step(rows reflect.Value) int {
	for _, n := range steps {
		if n <= rows.Len() && s.fresh(rows, n) {
			return n
		}
	}
	return 1
}

// fresh tells whether none of the first n rows has an id.
func (s *shape) fresh(rows reflect.Value, n int) bool {
	for i := range n {
		if s.columns[0].Value(rows.Index(i)).Int() != 0 {
			return false
		}
	}
	return true
}

// insertStep is the statement that adds rows without ids, and its arguments.
func insertStep[R any](s *shape, rows []R) (text string, args []any) {
	for i := range rows {
		args = append(args, values(s.columns[1:], reflect.ValueOf(&rows[i]).Elem())...)
	}
	_, after, _ := strings.Cut(s.inserts, " VALUES ")
	return s.inserts + strings.Repeat(", "+after, len(rows)-1), args
}

// update writes all columns of the row that has the id.
func update[R any](t *tx, row R) error {
	s := shapeOf[R](t.db)
	return t.change(s.updates, updateArgs(s, row)...)
}

// updateLater is update for a row that this transaction has found.
func updateLater[R any](t *tx, row R) error {
	s := shapeOf[R](t.db)
	return t.changeLater(s.updates, updateArgs(s, row)...)
}

func updateArgs[R any](s *shape, row R) []any {
	v := reflect.ValueOf(&row).Elem()
	return append(values(s.columns[1:], v), s.columns[0].Value(v).Int())
}

// one makes the conversion of a row one of a look-up's answer.
func one[R, T any](convert func(R) T) func(R, error) (T, error) {
	return func(row R, err error) (T, error) {
		if err != nil {
			return *new(T), err
		}
		return convert(row), nil
	}
}

// all makes the conversion of a row one of a list's answer.
func all[R, T any](convert func(R) T) func([]R, error) ([]T, error) {
	return func(rows []R, err error) ([]T, error) {
		if err != nil {
			return nil, err
		}
		converted := make([]T, len(rows))
		for i, row := range rows {
			converted[i] = convert(row)
		}
		return converted, nil
	}
}
