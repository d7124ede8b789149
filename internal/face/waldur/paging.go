package waldur

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

// paged answers with one page of a list. list gives the items of a page and how
// many there are in all.
func (a *api) paged(r *http.Request, q query, list func(p core.Page) (items any, total int, err error)) (face.Reply, error) {
	number, size := q.page()
	if number == 0 {
		_, total, err := list(core.CountAlone)
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
	w := q.withPage(at)
	links := w.link(1, "first")
	if number > 1 {
		links += ", " + w.link(number-1, "prev")
	}
	if number < last {
		links += ", " + w.link(number+1, "next")
	}
	return links + ", " + w.link(last, "last")
}

// pageURL is the URL of a page but for its number: the parameters as they came,
// sorted by name, those before it and those behind it.
type pageURL struct{ at, before, behind string }

func (q query) withPage(at string) pageURL {
	u := pageURL{at: at}
	for _, name := range slices.Sorted(maps.Keys(q)) {
		part := &u.before
		switch {
		case name == "page":
			continue
		case name > "page":
			part = &u.behind
		}
		for _, value := range q[name] {
			*part += "&" + url.QueryEscape(name) + "=" + url.QueryEscape(value)
		}
	}
	return u
}

// link is one of the first page where that has no number.
func (u pageURL) link(page int, rel string) string {
	number := ""
	if page > 1 {
		number = "&page=" + strconv.Itoa(page)
	}
	parameters := u.before + number + u.behind
	if parameters != "" {
		parameters = "?" + parameters[1:]
	}
	return "<" + u.at + parameters + `>; rel="` + rel + `"`
}
