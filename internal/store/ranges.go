package store

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/lru"
)

// What was made or changed since a time is asked for with other times again and
// again, and counting half a million takes 15 ms. So how many there are since
// other times is remembered with the edition, and of another time only those
// between the two are counted.

// How many ranges are remembered, and how many times of each.
const (
	rangesKept     = 64
	rangeTimesKept = 256
)

// timeRange is a condition that is nothing but a comparison of a column with a time.
type timeRange struct {
	column string
	since  bool // at the time or after it; else up to it
	at     time.Time
}

// rangeOf tells whether a filter is a range of a column with an index of its own.
func (known fields) rangeOf(f core.Filter) *timeRange {
	if all, ok := f.(core.And); ok && len(all) == 1 {
		f = all[0]
	}
	e, ok := f.(core.Compare)
	if !ok || !known[e.Attribute].ranged || e.Op != core.GreaterOrEqual && e.Op != core.LessOrEqual {
		return nil
	}
	at, ok := e.Value.(time.Time)
	if !ok {
		return nil
	}
	return &timeRange{known[e.Attribute].name, e.Op == core.GreaterOrEqual, at}
}

// rangeCounts are the counts of ranges that differ in their time alone.
type rangeCounts struct {
	mu  sync.Mutex // guards all
	all []rangeCount
}

type rangeCount struct {
	at time.Time
	n  int
}

type rangeMap = lru.Cache[string, *rangeCounts]

// best gives the count that is the best of those wanted.
func (l *rangeCounts) best(wanted func(rangeCount) bool, better func(a, b rangeCount) bool) (best rangeCount, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.all {
		if wanted(c) && (!ok || better(c, best)) {
			best, ok = c, true
		}
	}
	return best, ok
}

// nearest gives the count of the time that is next to another.
func (l *rangeCounts) nearest(at time.Time) (rangeCount, bool) {
	return l.best(func(rangeCount) bool { return true }, func(a, b rangeCount) bool { return a.at.Sub(at).Abs() < b.at.Sub(at).Abs() })
}

func (l *rangeCounts) set(c rangeCount) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all = append(l.all, c); len(l.all) > rangeTimesKept {
		l.all = slices.Delete(l.all, 0, 1)
	}
}

// rangeTotal tells how many rows a range has.
func (c *condition) rangeTotal(r timeRange, counting string) (int, error) {
	edition, err := c.t.edition(c.table)
	if err != nil {
		return 0, err
	}
	if edition == "" {
		return c.t.countBound(counting, slices.Clone(c.args))
	}
	c.edition, c.ranges = edition, c.t.db.rangeCounts(fmt.Sprint(c.table, edition, r.column, r.since))
	known, near := c.ranges.nearest(r.at)
	if near && known.at.Equal(r.at) {
		return known.n, nil
	}
	n, counted := 0, false
	if near {
		if n, counted, err = c.countFrom(r, known); err != nil {
			return 0, err
		}
	}
	if !counted {
		if n, err = c.t.countBound(counting, slices.Clone(c.args)); err != nil {
			return 0, err
		}
	}
	c.ranges.set(rangeCount{r.at, n})
	return n, nil
}

func (db *database) rangeCounts(key string) *rangeCounts {
	known, ok := db.ranges.Get(key)
	if !ok {
		known = &rangeCounts{}
		db.ranges.Add(key, known)
	}
	return known
}

// countFrom counts from a time that is known to another, unless that is far.
func (c *condition) countFrom(r timeRange, known rangeCount) (n int, near bool, err error) {
	first, last, more := known.at, r.at, 1
	if last.Before(first) {
		first, last, more = last, first, -1
	}
	between := r.column + " > ? AND " + r.column + " <= ?" // what is at the later time is new
	if r.since {
		between, more = r.column+" >= ? AND "+r.column+" < ?", -more
	}
	counting := "SELECT count(*) FROM (SELECT 1 FROM " + c.table + " WHERE " + between + " LIMIT ?) AS between_them"
	n, err = c.t.countBound(counting, []any{instant{first}, instant{last}, fewRows + 1})
	return known.n + more*n, n <= fewRows, err
}

// beginning gives a landmark for a range that has none yet: what is first in one
// that begins before it is not behind its first.
func (c *condition) beginning(r timeRange, of func(args []any) (*landmarks, bool)) (landmark, bool) {
	wider, ok := c.ranges.best(func(w rangeCount) bool {
		return !w.at.Equal(r.at) && w.at.Before(r.at) == r.since
	}, func(a, b rangeCount) bool { return a.at.After(b.at) == r.since })
	if !ok {
		return landmark{}, false
	}
	all, ok := of([]any{instant{wider.at}})
	if !ok {
		return landmark{}, false
	}
	m, ok := all.nearest(0)
	return m, ok
}
