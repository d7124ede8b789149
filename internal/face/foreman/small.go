package foreman

import (
	"cmp"
	"slices"
	"strings"

	"keyrack/internal/core"
)

// Lists that are small and wholly in memory (organizations, roles, somebody's
// tokens) are searched and ordered here, as the store does it with large ones.

// attributesOf gives what an item of a list has; nil where it is not set.
type attributesOf[T any] func(item T, name core.Attribute) any

// smallPage gives a page of a small list.
func smallPage[T any](c *call, all []T, l listing, of attributesOf[T], show func(T) any) object {
	var found []T
	for _, item := range all {
		if core.Holds(l.where, func(name core.Attribute) any { return of(item, name) }) {
			found = append(found, item)
		}
	}
	for _, o := range l.order.By {
		slices.SortStableFunc(found, func(a, b T) int {
			order := compare(of(a, o.Attribute), of(b, o.Attribute))
			if o.Descending {
				return -order
			}
			return order
		})
	}
	results := []any{}
	if part, any := l.paging.Page(); any && part.Offset < len(found) {
		rest := found[part.Offset:]
		if part.Limit > 0 {
			rest = rest[:min(part.Limit, len(rest))]
		}
		for _, item := range rest {
			results = append(results, show(item))
		}
	}
	return c.page(len(all), len(found), l, results)
}

// compare orders two values of an attribute, which are texts or numbers; what
// is not set comes first.
func compare(a, b any) int {
	switch a := a.(type) {
	case string:
		if b, ok := b.(string); ok {
			return strings.Compare(a, b)
		}
	case int64:
		if b, ok := b.(int64); ok {
			return cmp.Compare(a, b)
		}
	}
	return cmp.Compare(rank(a), rank(b))
}

func rank(v any) int {
	if v == nil {
		return 0
	}
	return 1
}
