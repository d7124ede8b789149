package foreman

import (
	"slices"
	"strings"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/scopedsearch"
)

// small is a thing that clients look up by name on the way to a user.
type small struct {
	id               int64
	name             string
	description      string
	created, updated time.Time
}

var placeSearch = []searchField{
	{Field: scopedsearch.Field{Name: "description", Type: scopedsearch.Text, Attribute: "description", Bare: true}},
	{Field: scopedsearch.Field{Name: "id", Type: scopedsearch.Integer, Attribute: "id"}},
	{Field: scopedsearch.Field{Name: "name", Type: scopedsearch.Text, Attribute: "name", Bare: true}},
	{Field: scopedsearch.Field{Name: "title", Type: scopedsearch.Text, Attribute: "title", Bare: true}},
}

var nameSearch = []searchField{
	{Field: scopedsearch.Field{Name: "id", Type: scopedsearch.Integer, Attribute: "id"}},
	{Field: scopedsearch.Field{Name: "name", Type: scopedsearch.Text, Attribute: "name", Bare: true}},
}

func smallAttributes(s small, name core.Attribute) any {
	switch {
	case name == "id":
		return s.id
	case name != "description":
		return s.name
	case s.description == "":
		return nil
	}
	return s.description
}

func (c *call) organizations() ([]small, error) {
	all, err := c.Core.OrganizationsOf(c.r.Context(), c.by)
	var out []small
	for _, o := range all {
		out = append(out, small{id: int64(o.ID), name: o.Name, created: o.CreatedAt, updated: o.UpdatedAt})
	}
	return out, err
}

func (c *call) locations() ([]small, error) {
	all, err := c.Core.LocationsOf(c.r.Context(), c.by)
	var out []small
	for _, l := range all {
		out = append(out, small{id: int64(l.ID), name: l.Name, created: l.CreatedAt, updated: l.UpdatedAt})
	}
	return out, err
}

func (c *call) roles() ([]small, error) {
	var out []small
	for _, r := range core.GrantRoles {
		out = append(out, small{id: int64(r.ID), name: r.Name, description: r.Description})
	}
	slices.SortFunc(out, func(a, b small) int { return strings.Compare(a.name, b.name) })
	return out, nil
}

func (c *call) sources() ([]small, error) { return []small{{id: sourceID, name: sourceName}}, nil }

func (c *call) showPlace(s small) any {
	return object{
		{"ancestry", nil}, {"parent_id", nil}, {"parent_name", nil}, {"created_at", c.date(s.created)}, {"updated_at", c.date(s.updated)},
		{"id", s.id}, {"name", s.name}, {"title", s.name}, {"description", nil},
	}
}

func (c *call) showRole(s small) any {
	return object{
		{"builtin", 0}, {"cloned_from_id", nil}, {"created_at", nil}, {"updated_at", nil}, {"name", s.name}, {"id", s.id},
		{"description", orNull(s.description)}, {"origin", nil},
	}
}

func (c *call) showSource(s small) any {
	return object{
		{"created_at", nil}, {"updated_at", nil}, {"id", s.id}, {"type", sourceType}, {"name", s.name},
		{"locations", []any{}}, {"organizations", []any{}},
	}
}

// smalls is the action that lists them.
func smalls(by []searchField, all func(c *call) ([]small, error), show func(c *call, s small) any) func(c *call) (any, error) {
	return func(c *call) (any, error) {
		l, err := c.listing(by)
		if err != nil {
			return nil, err
		}
		list, err := all(c)
		if err != nil {
			return nil, err
		}
		return smallPage(c, list, l, smallAttributes, func(s small) any { return show(c, s) }), nil
	}
}

// rolesList says that it is ordered by name without being asked.
func rolesList(c *call) (any, error) {
	l, err := c.listing(nameSearch)
	if err != nil {
		return nil, err
	}
	list, err := c.roles()
	if err != nil {
		return nil, err
	}
	if l.order.Name == "" {
		l.order.Name, l.order.Direction = "name", "ASC"
	}
	return smallPage(c, list, l, smallAttributes, c.showRole), nil
}

// oneSmall is the action that shows one of them: by id, "id-title" or title.
func oneSmall(resource string, all func(c *call) ([]small, error), show func(c *call, s small) any) func(c *call) (any, error) {
	return func(c *call) (any, error) {
		list, err := all(c)
		if err != nil {
			return nil, err
		}
		text := c.params.path["id"]
		found, ok := named(list, text, func(s small) (int64, string) { return s.id, s.name })
		if !ok {
			return nil, notFoundError{resource, text}
		}
		return c.wrapped(show(c, found)), nil
	}
}
