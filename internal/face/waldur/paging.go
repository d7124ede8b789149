package waldur

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

// paged answers with one page of a list. list gives the items of a page and how
// many there are in all.
func (a *api) paged(r *http.Request, list func(p core.Page) (items any, total int, err error)) (face.Reply, error) {
	q := queryOf(r)
	number, size := q.page()
	if number == 0 {
		_, total, err := list(core.Page{Offset: 1 << 60, Limit: 1}) // counts, and reads nothing
		if err != nil {
			return face.Reply{}, err
		}
		number = pages(total, size)
	}
	items, total, err := list(core.Page{Offset: max(number-1, 0) * size, Limit: size})
	if err != nil {
		return face.Reply{}, err
	}
	last := pages(total, size)
	if number < 1 || number > last {
		return face.Reply{}, errPage
	}
	h := http.Header{"X-Result-Count": {strconv.Itoa(total)}, "Link": {q.links(a.base(r)+r.URL.EscapedPath(), number, last)}}
	return face.Reply{Header: h, Body: items}, nil
}

// pages tells how many there are: one of an empty list.
func pages(total, size int) int { return max((total+size-1)/size, 1) }

// links writes the Link header. Clients of the first generation take it apart
// by its commas and the order of its parts.
func (q query) links(at string, number, last int) string {
	links := []string{q.link(at, 1, "first")}
	if number > 1 {
		links = append(links, q.link(at, number-1, "prev"))
	}
	if number < last {
		links = append(links, q.link(at, number+1, "next"))
	}
	return strings.Join(append(links, q.link(at, last, "last")), ", ")
}

// link is the URL of a page: the parameters as they came, sorted by name,
// without the page where that is the first.
func (q query) link(at string, page int, rel string) string {
	values := maps.Clone(q)
	delete(values, "page")
	if page > 1 {
		values["page"] = []string{strconv.Itoa(page)}
	}
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for _, value := range values[name] {
			pairs = append(pairs, url.QueryEscape(name)+"="+url.QueryEscape(value))
		}
	}
	if len(pairs) > 0 {
		at += "?" + strings.Join(pairs, "&")
	}
	return "<" + at + `>; rel="` + rel + `"`
}
