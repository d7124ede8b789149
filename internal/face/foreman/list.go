package foreman

import (
	"encoding/json"

	"keyrack/internal/core"
	"keyrack/internal/face"
	"keyrack/internal/scopedsearch"
)

// searchField is what a list can be searched by, as the description names it.
type searchField struct {
	scopedsearch.Field
	values []string // those it may have; nil: any
}

func fieldsOf(list []searchField) scopedsearch.Fields {
	var all scopedsearch.Fields
	for _, f := range list {
		all = append(all, f.Field)
	}
	return all
}

// listing is what is asked of a list.
type listing struct {
	where  core.Filter
	order  scopedsearch.Order
	paging scopedsearch.Paging
	search *string // as it was given
}

func (c *call) listing(by []searchField) (listing, error) {
	var l listing
	fields := fieldsOf(by)
	if text, ok := c.params.text("search"); ok {
		l.search = &text
		var err error
		if l.where, err = scopedsearch.Parse(text, fields, c.Now().In(c.zone())); err != nil {
			return l, err
		}
	}
	text, _ := c.params.text("order")
	var err error
	if l.order, err = scopedsearch.ParseOrder(text, fields); err != nil {
		return l, err
	}
	page, _ := c.params.text("page")
	perPage, _ := c.params.text("per_page")
	l.paging, err = scopedsearch.ParsePaging(page, perPage)
	return l, err
}

type sorting struct {
	By    *string `json:"by"`
	Order *string `json:"order"`
}

func (l listing) sorting() sorting {
	if l.order.Name == "" {
		return sorting{}
	}
	return sorting{&l.order.Name, &l.order.Direction}
}

// inPage gives a page of a list that is asked of core: first what there is in
// all, then what matches.
func (c *call) inPage(l listing, ask func(where core.Filter, p core.Page) (results any, n int, err error)) (any, error) {
	part, any := l.paging.Page()
	if !any {
		part = core.CountAlone
	}
	results, n, err := ask(l.where, part)
	if err != nil {
		return nil, err
	}
	if !any {
		results = []struct{}{}
	}
	total := n
	if l.where != nil {
		if _, total, err = ask(nil, core.CountAlone); err != nil {
			return nil, err
		}
	}
	return c.page(total, n, l, results), nil
}

// page is one page of a list in the product's envelope, its members in the
// product's order.
func (c *call) page(total, subtotal int, l listing, results any) object {
	search, _ := json.Marshal(l.search) // with <, > and & escaped, here as there; there is no text that cannot be written
	members := object{
		{"total", total}, {"subtotal", subtotal}, {"page", l.paging.Number}, {"per_page", l.paging.PerPage(total)},
		{"search", json.RawMessage(search)},
	}
	if text, ok := c.params.text("include_permissions"); ok && text != "0" && text != "false" {
		may := c.by.Require(core.CreateUsers, 0) == nil
		members = append(members, member{"can_create", may}, member{"can_edit", may})
	}
	root := "results"
	if text, ok := c.params.text("root_name"); ok && text != "" {
		root = text
	}
	return append(members, member{"sort", l.sorting()}, member{root, results})
}

// wrapped gives a shown thing below the name that the request asks for.
func (c *call) wrapped(body any) any {
	root, ok := c.params.text("root_name")
	if !ok || root == "" || root == "false" {
		return body
	}
	return object{{root, body}}
}

type (
	object = face.Object
	member = face.Member
)
