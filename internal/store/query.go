package store

import (
	"context"
	"math"

	"github.com/uptrace/bun"

	"keyrack/internal/core"
)

// bounds end a query of a page. The cast keeps SQLite from planning it again for
// each size of a page.
const bounds = " LIMIT CAST(? AS bigint) OFFSET ?"

// limit gives the arguments of [bounds].
func limit(p core.Page) (n, offset int) {
	if p.Limit == 0 {
		return math.MaxInt, p.Offset
	}
	return p.Limit, p.Offset
}

// selection is a query that callers can combine, built with bun.
type selection = func(*bun.SelectQuery) *bun.SelectQuery

// search gives the rows that a selection finds: conditions, order, limits.
func search[R any](t *tx, by selection) ([]R, error) {
	s := shapeOf[R](t.db)
	var rows []R
	err := t.once(appendTo(s, &rows), t.db.NewSelect().Model((*R)(nil)).Apply(by))
	return rows, err
}

// searchCount tells how many rows a selection finds.
func searchCount[R any](t *tx, by selection) (int, error) {
	var n int
	scan := func(r answer) error { return r.Scan(&n) }
	err := t.once(scan, t.db.NewSelect().Model((*R)(nil)).ColumnExpr("count(*)").Apply(by))
	return n, err
}

// once runs a query that bun has built and hands over each row.
func (t *tx) once(scan func(answer) error, q *bun.SelectQuery) error {
	if err := t.ready(); err != nil {
		return err
	}
	text, err := q.AppendQuery(t.db.QueryGen(), nil)
	if err != nil {
		return t.fail(err)
	}
	return t.rows(scan)(t.run.once(t.ctx, string(text)))
}

// onceBound runs a query whose text is made for the occasion, with ? for its
// arguments, and hands over each row. What cannot be stored is found nowhere.
func (t *tx) onceBound(scan func(answer) error, text string, args []any) error {
	return t.made(t.run.queryMade, scan, text, args)
}

// ids gives what a query of one column of numbers finds.
func (t *tx) ids(text string, args ...any) (all []any, err error) {
	err = t.query(func(r answer) error {
		var id int64
		err := r.Scan(&id)
		all = append(all, id)
		return err
	}, text, args...)
	return all, err
}

// fewBound is [tx.onceBound] for a query that is known to find few rows soon.
func (t *tx) fewBound(scan func(answer) error, text string, args []any) error {
	return t.made(t.run.queryFew, scan, text, args)
}

type querier func(ctx context.Context, text string, args []any) (answer, error)

func (t *tx) made(query querier, scan func(answer) error, text string, args []any) error {
	if err := t.ready(); err != nil || !storable(args) {
		return err
	}
	text, args = t.db.speaks.placeholders(text), t.db.bind(args)
	if len(text) > longText {
		return t.rows(scan)(t.run.once(t.ctx, text, args...))
	}
	return t.rows(scan)(query(t.ctx, text, args))
}

// longText is the length of a text from which on it will hardly come again: it
// holds a list of values.
const longText = 4096

// rows hands over each row of a query's answer.
func (t *tx) rows(scan func(answer) error) func(answer, error) error {
	return func(rows answer, err error) error {
		if err == nil {
			err = each(rows, scan)
		}
		if err != nil {
			return t.fail(err)
		}
		return nil
	}
}

// paged gives one page of what a selection finds, and how much that is in all.
func paged[R any](t *tx, p core.Page, order string, where selection) ([]R, int, error) {
	n, err := searchCount[R](t, where)
	if err != nil {
		return nil, 0, err
	}
	size, offset := limit(p)
	rows, err := search[R](t, func(s *bun.SelectQuery) *bun.SelectQuery {
		return where(s).OrderExpr(order).Limit(int64(size)).Offset(int64(offset))
	})
	return rows, n, err
}
