package store

import (
	"fmt"
	"reflect"
	"slices"
	"sync"

	"keyrack/internal/lru"
)

// A page far in is found by going through the index from the end that is nearer.
// Who has read a page has been there: its first and last row are landmarks, from
// which the same page and the next are found at once for as long as the list is
// of the same edition. Without them a client that reads a million rows page after
// page would have the index gone through ten thousand times.

// How many lists have landmarks, and how many each: those used or set last.
const (
	landmarkedLists = 1024
	landmarksKept   = 32
)

type landmarks struct {
	mu  sync.Mutex // guards all
	all []landmark // the oldest first
}

// landmark is where a row stands in a list.
type landmark struct {
	offset int   // from the end where the walk begins
	at     []any // what the row is ordered by, and its id
}

type landmarkMap = lru.Cache[string, *landmarks]

// nearest gives the last landmark that a walk to an offset passes.
func (l *landmarks) nearest(offset int) (best landmark, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.all {
		if m.offset <= offset && (!ok || m.offset > best.offset) {
			best, ok = m, true
		}
	}
	return best, ok
}

func (l *landmarks) set(m landmark) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = slices.DeleteFunc(l.all, func(known landmark) bool { return known.offset == m.offset })
	if l.all = append(l.all, m); len(l.all) > landmarksKept {
		l.all = slices.Delete(l.all, 0, 1)
	}
}

// walk is a way through the index of an order, to a page among many rows.
type walk struct {
	condition *condition
	order     terms
	part      stretch
	known     *landmarks // nil: none can be set
}

// landmarks are those of a list in an order, nil where none can be set: a list
// that has no edition, or an order that changes without another one.
func (c *condition) landmarks(order terms, backward bool) *landmarks {
	if c.edition == "" || len(order) != 2 || order[0].optional || order[0].restless {
		return nil
	}
	all := c.t.db.landmarks
	key := func(args []any) string {
		return fmt.Sprintf("%s %s %s %s %#v", c.table, c.edition, order.text(backward), c.text.String(), args)
	}
	known, ok := all.Get(key(c.args))
	if ok {
		return known
	}
	known = &landmarks{}
	if c.of != nil {
		if m, ok := c.beginning(*c.of, func(args []any) (*landmarks, bool) { return all.Get(key(args)) }); ok {
			known.set(m)
		}
	}
	all.Add(key(c.args), known)
	return known
}

// shortened gives the condition and the arguments of the rest of the way, and
// how many rows there are still ahead.
func (w walk) shortened() (where string, args []any, ahead int) {
	where, args = w.condition.text.String(), slices.Clone(w.condition.args)
	ahead = w.part.offset
	if w.known != nil {
		if m, ok := w.known.nearest(ahead); ok {
			where += w.condition.joint() + w.behind()
			args = append(args, m.at[0], m.at[0], m.at[1])
			ahead -= m.offset
		}
	}
	return where, append(args, w.part.size, ahead), ahead
}

// behind is the condition that a row stands at a landmark or behind it.
func (w walk) behind() string {
	first, id := " >", " >="
	if w.order[0].descending != w.part.backward {
		first = " <"
	}
	if w.part.backward {
		id = " <="
	}
	name := w.order[0].name
	return "(" + name + first + "= ? AND (" + name + first + " ? OR id" + id + " ?))"
}

// setLandmarks sets them at the first and the last row of the page that was
// read, in the order of the walk.
func setLandmarks[R any](w walk, s *shape, rows []R) {
	if w.known == nil || len(rows) == 0 {
		return
	}
	for _, i := range []int{0, len(rows) - 1} {
		v := reflect.ValueOf(&rows[i]).Elem()
		for _, f := range s.columns {
			if f.Name == w.order[0].name {
				at := []any{f.Value(v).Interface(), s.columns[0].Value(v).Int()}
				w.known.set(landmark{w.part.offset + i, at})
			}
		}
	}
}
