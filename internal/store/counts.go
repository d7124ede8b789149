package store

import (
	"database/sql"
	"fmt"
	"slices"

	"keyrack/internal/lru"
)

// Lists tell how many rows there are in all. To know, SQLite goes through an
// index, PostgreSQL too: milliseconds of a million keys, and hundreds of them
// where each text has to be looked at. So what was counted is remembered, with
// the edition of the list that it was counted in. An edition is read in the
// transaction that asks, and is another after each change of what filters look
// at, whichever server made it; so a number that is remembered is the one that
// would be counted, in this snapshot and not just lately.
//
// Filters hold what an actor may see, so nobody is told what was counted for others.

// countsKept is how many counts are remembered: those that were asked for last.
const countsKept = 4096

type counts = lru.Cache[string, counted]

// counted is how many rows were found in an edition.
type counted struct {
	edition string
	n       int
}

// total tells how many rows the condition finds.
func (c *condition) total() (int, error) {
	counting := "SELECT count(*) FROM " + c.table + c.text.String()
	if c.restless {
		return c.t.countBound(counting, c.args)
	}
	if c.of != nil && c.t.remembers(counting) {
		return c.rangeTotal(*c.of, counting)
	}
	is, err := c.t.countOf(c.table, counting, slices.Clone(c.args))
	c.edition = is.edition
	return is.n, err
}

// countOf gives the number that a query of a list counts: the one that is
// remembered, or else a new one.
func (t *tx) countOf(list, counting string, args []any) (is counted, err error) {
	if is, known, err := t.remembered(list, counting, args); known || err != nil {
		return is, err
	}
	if !t.remembers(counting) {
		is.n, err = t.countBound(counting, args)
		return is, err
	}
	key, edition := countKey(counting, args), t.db.speaks.edition(list)
	var of sql.NullString // NULL: the list has no editions
	err = t.onceBound(func(r answer) error { return r.Scan(&is.n, &of) }, "SELECT ("+counting+"), "+edition, args)
	if is.edition = of.String; err == nil && of.Valid {
		t.db.counts.Add(key, is)
	}
	return is, err
}

// remembered gives the number that a query of a list would count, where it is known.
func (t *tx) remembered(list, counting string, args []any) (is counted, known bool, err error) {
	if !t.remembers(counting) {
		return counted{}, false, nil
	}
	is, known = t.db.counts.Get(countKey(counting, args))
	if !known {
		return counted{}, false, nil
	}
	now, err := t.edition(list)
	return is, err == nil && now == is.edition, err
}

// edition is that of a list in this snapshot, empty where it has none.
func (t *tx) edition(list string) (string, error) {
	var now sql.NullString
	err := t.query(func(r answer) error { return r.Scan(&now) }, "SELECT "+t.db.speaks.edition(list))
	return now.String, err
}

// remembers tells whether what a query counts is kept. What an update finds may
// be what nobody else ever will, since it can be undone.
func (t *tx) remembers(counting string) bool { return t.readOnly && len(counting) <= longText }

func countKey(counting string, args []any) string { return fmt.Sprintf("%s %#v", counting, args) }

func (t *tx) countBound(counting string, args []any) (n int, err error) {
	err = t.onceBound(func(r answer) error { return r.Scan(&n) }, counting, args)
	return n, err
}

// edition counts the transactions that changed the list, see [tx.number].
func (sqliteDialect) edition(table string) string {
	return "(SELECT CAST(times AS text) FROM changes WHERE list = '" + table + "')"
}

// edition is the snapshot itself: which transactions it sees. A count of the
// changes would be a row that all who write conflict about. A server that
// follows another has no snapshots that can be told apart; one that took over
// from another has been started at another time.
func (postgresDialect) edition(string) string {
	return "(SELECT pg_postmaster_start_time()::text || pg_current_snapshot()::text WHERE NOT pg_is_in_recovery())"
}
