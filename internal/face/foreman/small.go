package foreman

import (
	"cmp"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"keyrack/internal/core"
)

// Lists that are small and wholly in memory (organizations, roles, somebody's
// tokens) are searched and ordered here, as the store does it with large ones.

// attributesOf gives what an item of a list has; nil where it is not set.
type attributesOf[T any] func(item T, name core.Attribute) any

// smallPage gives a page of a small list.
func smallPage[T any](c *call, all []T, l listing, of attributesOf[T], show func(T) any) page {
	var found []T
	for _, item := range all {
		if holds(l.where, func(name core.Attribute) any { return of(item, name) }) {
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

// holds tells whether a condition holds for an item.
func holds(f core.Filter, of func(core.Attribute) any) bool {
	switch f := f.(type) {
	case core.And:
		return !slices.ContainsFunc(f, func(part core.Filter) bool { return !holds(part, of) })
	case core.Or:
		return slices.ContainsFunc(f, func(part core.Filter) bool { return holds(part, of) })
	case core.Not:
		return !holds(f.Of, of)
	case core.Compare:
		return stands(f, of(f.Attribute))
	}
	return true
}

func stands(c core.Compare, is any) bool {
	if is == nil || c.Op == core.IsUnset {
		return is == nil && c.Op == core.IsUnset
	}
	switch c.Op {
	case core.OneOf:
		return slices.ContainsFunc(c.Value.([]any), func(v any) bool { return compare(is, v) == 0 })
	case core.NotOneOf:
		return !slices.ContainsFunc(c.Value.([]any), func(v any) bool { return compare(is, v) == 0 })
	case core.Contains:
		return strings.Contains(strings.ToLower(is.(string)), strings.ToLower(c.Value.(string)))
	case core.Like:
		return like(c.Value.(string)).MatchString(is.(string))
	case core.NotLike:
		return !like(c.Value.(string)).MatchString(is.(string))
	default: // the others are questions of order
	}
	order := compare(is, c.Value)
	switch c.Op {
	case core.Equal:
		return order == 0
	case core.NotEqual:
		return order != 0
	case core.Less:
		return order < 0
	case core.LessOrEqual:
		return order <= 0
	case core.Greater:
		return order > 0
	default:
		return order >= 0
	}
}

// compare orders two values of one type; what is not set comes first.
func compare(a, b any) int {
	if a == nil || b == nil {
		return cmp.Compare(rank(a), rank(b))
	}
	if t, ok := a.(time.Time); ok {
		other, _ := b.(time.Time)
		return t.Compare(other)
	}
	va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
	switch {
	case va.CanInt() && vb.CanInt():
		return cmp.Compare(va.Int(), vb.Int())
	case va.Kind() == reflect.String && vb.Kind() == reflect.String:
		return strings.Compare(va.String(), vb.String())
	case va.Kind() == reflect.Bool && vb.Kind() == reflect.Bool:
		return cmp.Compare(rank(va.Bool()), rank(vb.Bool()))
	}
	return -1 // values of two types are never the same
}

func rank(v any) int {
	if v == nil || v == false {
		return 0
	}
	return 1
}

// like gives a pattern of SQL's LIKE as an expression that does not see case.
func like(pattern string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`(?is)\A`)
	escaped := false
	for _, r := range pattern {
		switch {
		case escaped:
			b.WriteString(regexp.QuoteMeta(string(r)))
			escaped = false
		case r == '\\':
			escaped = true
		case r == '%':
			b.WriteString(`.*`)
		case r == '_':
			b.WriteString(`.`)
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	b.WriteString(`\z`)
	return regexp.MustCompile(b.String()) // of quoted characters and wildcards
}
