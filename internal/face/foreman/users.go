package foreman

import (
	"errors"
	"slices"

	"keyrack/internal/core"
	"keyrack/internal/scopedsearch"
)

// The one source of authentication there is.
const (
	sourceID   = 1
	sourceName = "Internal"
	sourceType = "AuthSourceInternal"
)

var userSearch = []searchField{
	{Field: scopedsearch.Field{Name: "admin", Type: scopedsearch.Flag, Attribute: core.AccountAdminAttr}, values: []string{"true", "false"}},
	{Field: scopedsearch.Field{Name: "auth_source", Type: scopedsearch.Text, Value: sourceName, Bare: true}},
	{Field: scopedsearch.Field{Name: "auth_source_type", Type: scopedsearch.Text, Value: sourceType, Bare: true}},
	{Field: scopedsearch.Field{Name: "description", Type: scopedsearch.Text, Attribute: core.AccountDescriptionAttr, Unset: "", Bare: true}},
	{Field: scopedsearch.Field{Name: "disabled", Type: scopedsearch.Flag, Attribute: core.AccountDisabledAttr}, values: []string{"true", "false"}},
	{Field: scopedsearch.Field{Name: "firstname", Type: scopedsearch.Text, Attribute: core.AccountFirstNameAttr, Unset: "", Bare: true}},
	{Field: scopedsearch.Field{Name: "id", Type: scopedsearch.Integer, Attribute: core.AccountIDAttr}},
	{Field: scopedsearch.Field{Name: "last_login_on", Type: scopedsearch.Date, Attribute: core.AccountLastLoginAttr}},
	{Field: scopedsearch.Field{Name: "lastname", Type: scopedsearch.Text, Attribute: core.AccountLastNameAttr, Unset: "", Bare: true}},
	{Field: scopedsearch.Field{Name: "location", Type: scopedsearch.Text, Attribute: core.AccountLocationNamed, Many: true}},
	{Field: scopedsearch.Field{Name: "location_id", Type: scopedsearch.Integer, Attribute: core.AccountLocationAttr, Many: true}},
	{Field: scopedsearch.Field{Name: "login", Type: scopedsearch.Text, Attribute: core.AccountLoginAttr, Bare: true}},
	{Field: scopedsearch.Field{Name: "mail", Type: scopedsearch.Text, Attribute: core.AccountEmailAttr, Unset: "", Bare: true}},
	{Field: scopedsearch.Field{Name: "organization", Type: scopedsearch.Text, Attribute: core.AccountOrganizationNamed, Many: true}},
	{Field: scopedsearch.Field{Name: "organization_id", Type: scopedsearch.Integer, Attribute: core.AccountOrganizationAttr, Many: true}},
	{Field: scopedsearch.Field{Name: "role", Type: scopedsearch.Text, Attribute: roleNamed, Bare: true, Many: true}},
	{Field: scopedsearch.Field{Name: "role_id", Type: scopedsearch.Integer, Attribute: core.AccountRoleAttr, Many: true}},
	{Field: scopedsearch.Field{Name: "usergroup", Type: scopedsearch.Text, Bare: true}},
}

// roleNamed is a role's name, which core knows by id alone.
const roleNamed core.Attribute = "role_name"

// byRoleID turns conditions on names of roles into such on their ids.
func byRoleID(f core.Filter) core.Filter {
	switch f := f.(type) {
	case core.And:
		return core.And(mapped(f))
	case core.Or:
		return core.Or(mapped(f))
	case core.Not:
		return core.Not{Of: byRoleID(f.Of)}
	case core.Compare:
		if f.Attribute != roleNamed {
			return f
		}
		if f.Op == core.IsUnset {
			return core.Compare{Attribute: core.AccountRoleAttr, Op: core.IsUnset}
		}
		ids := []any{}
		for _, role := range core.GrantRoles {
			if core.Holds(f, func(core.Attribute) any { return role.Name }) {
				ids = append(ids, role.ID)
			}
		}
		return core.Compare{Attribute: core.AccountRoleAttr, Op: core.OneOf, Value: ids}
	}
	return f
}

func mapped(parts []core.Filter) []core.Filter {
	out := make([]core.Filter, len(parts))
	for i, part := range parts {
		out[i] = byRoleID(part)
	}
	return out
}

// inGeneral asks for a right over accounts at large.
func inGeneral(right core.Right) func(c *call) error {
	return func(c *call) error { return c.by.Require(right, 0) }
}

// overUser asks for a right over the user of the path.
func overUser(right core.Right) func(c *call) error {
	return func(c *call) error {
		text := c.params.path["id"]
		id, _ := leadingID(text)
		if text == c.by.Name() {
			id = int64(c.by.Account())
		}
		return c.by.Require(right, core.AccountID(id))
	}
}

// theUser is the id of the user of the path: by the number that it begins
// with, or else by the exact login.
func (c *call) theUser(right core.Right) (core.AccountID, error) {
	text := c.params.path["id"]
	if id, ok := leadingID(text); ok && c.by.Require(right, core.AccountID(id)) == nil {
		_, err := c.Core.User(c.r.Context(), c.by, c.scope, core.AccountID(id))
		if err == nil || !errors.Is(err, core.ErrNoAccount) {
			return core.AccountID(id), ignoreDenied(err)
		}
	}
	id, err := c.Core.UserID(c.r.Context(), c.by, c.scope, right, text)
	return id, c.asUser(err)
}

// ignoreDenied lets pass who may not look at what he may change.
func ignoreDenied(err error) error {
	if core.KindOf(err) == core.Denied {
		return nil
	}
	return err
}

func (c *call) asUser(err error) error {
	if errors.Is(err, core.ErrNoAccount) {
		return notFoundError{"user", c.params.path["id"]}
	}
	return err
}

func (c *call) listUsers() (any, error) {
	l, err := c.listing(userSearch)
	if err != nil {
		return nil, err
	}
	l.where = byRoleID(l.where)
	return c.inPage(l, func(where core.Filter, p core.Page) (any, int, error) {
		users, n, err := c.usersInOrder(where, l.order.By, p)
		return showAll(users, func(u core.User) any { return c.userEntry(u) }), n, err
	})
}

// usersInOrder lists users, where no order is asked for by first name: those
// who have none come last then, other than in an order by it.
func (c *call) usersInOrder(where core.Filter, order []core.Order, p core.Page) ([]core.User, int, error) {
	users := func(where core.Filter, order core.Attribute, p core.Page) ([]core.User, int, error) {
		q := core.AccountQuery{Where: where, Order: []core.Order{{Attribute: order}}, Page: p}
		return c.Core.Users(c.r.Context(), c.by, c.scope, q)
	}
	if order != nil {
		return c.Core.Users(c.r.Context(), c.by, c.scope, core.AccountQuery{Where: where, Order: order, Page: p})
	}
	if where != nil && p.Offset == 0 { // what is searched for mostly has one page
		all, n, err := users(where, core.AccountFirstNameAttr, p)
		if err != nil || n == len(all) {
			return namedFirst(all), n, err
		}
	}
	none := core.Compare{Attribute: core.AccountFirstNameAttr, Op: core.Equal, Value: ""}
	named, n, err := users(core.And{core.Not{Of: none}, where}, core.AccountFirstNameAttr, p)
	if err != nil {
		return nil, 0, err
	}
	rest := core.Page{Offset: max(p.Offset-n, 0), Limit: max(p.Limit-len(named), 0)}
	if p.Limit > 0 && rest.Limit == 0 {
		rest = core.CountAlone
	}
	unnamed, m, err := users(core.And{none, where}, core.AccountIDAttr, rest)
	return append(named, unnamed...), n + m, err
}

func namedFirst(users []core.User) []core.User {
	unnamed := func(u core.User) int {
		if u.FirstName == "" {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(users, func(a, b core.User) int { return unnamed(a) - unnamed(b) })
	return users
}

func (c *call) readUser() (any, error) {
	id, err := c.theUser(core.ViewUsers)
	if err != nil {
		return nil, err
	}
	return c.showUser(id)
}

func (c *call) showUser(id core.AccountID) (any, error) {
	u, err := c.Core.User(c.r.Context(), c.by, c.scope, id)
	if err != nil {
		return nil, c.asUser(err)
	}
	return c.wrapped(c.userDetail(u)), nil
}

func (c *call) readSelf() (any, error) {
	if c.by.Account() == 0 {
		return nil, notFoundError{"user", "current"}
	}
	return c.showUser(c.by.Account())
}

func (c *call) createUser() (any, error) {
	given := c.params.attributes("user")
	change, err := userChange(given, true)
	if err != nil {
		return nil, err
	}
	u, err := c.Core.AddUser(c.r.Context(), c.by, change)
	if err != nil {
		return nil, ofUserChange(err, 0)
	}
	return c.wrapped(c.userDetail(u)), nil
}

func (c *call) updateUser() (any, error) {
	id, err := c.theUser(core.EditUsers)
	if err != nil {
		return nil, err
	}
	change, err := userChange(c.params.attributes("user"), false)
	if v, ok := errors.AsType[*validationError](err); ok {
		v.id = int64(id)
	}
	if err != nil {
		return nil, err
	}
	u, err := c.Core.ChangeUser(c.r.Context(), c.by, c.scope, id, change)
	if err != nil {
		return nil, c.asUser(ofUserChange(err, id))
	}
	return c.wrapped(c.userDetail(u)), nil
}

func (c *call) deleteUser() (any, error) {
	id, err := c.theUser(core.DestroyUsers)
	if err != nil {
		return nil, err
	}
	a, err := c.Core.RemoveUser(c.r.Context(), c.by, c.scope, id)
	if errors.Is(err, core.ErrLastAdmin) {
		return nil, &validationError{int64(id), []fieldError{{"base", []string{"Can't delete the last admin account"}}}}
	}
	if err != nil {
		return nil, c.asUser(err)
	}
	return c.userRow(a), nil
}

// orNull is a text, or null where it is empty.
func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// userEntry is a user as a list has him.
func (c *call) userEntry(u core.User) object {
	return append(c.userStart(u),
		member{"default_location", c.defaultLocation(u)},
		member{"locations", showAll(u.Locations, func(l core.Location) any { return object{{"id", l.ID}, {"name", l.Name}} })},
		member{"default_organization", c.defaultOrganization(u)},
		member{"organizations", showAll(u.Organizations, func(o core.Organization) any { return object{{"id", o.ID}, {"name", o.Name}} })},
		member{"effective_admin", u.Roles.Admin},
	)
}

func (c *call) userStart(u core.User) object {
	return object{
		{"firstname", orNull(u.FirstName)}, {"lastname", orNull(u.LastName)}, {"mail", orNull(u.Email)}, {"mail_enabled", !u.NoMail},
		{"admin", u.Roles.Admin}, {"auth_source_id", sourceID}, {"disabled", !u.ActiveAt(c.Now())}, {"auth_source_name", sourceName},
		{"timezone", orNull(u.TimeZone)}, {"locale", orNull(u.Locale)}, {"last_login_on", c.date(u.LastLoginAt)},
		{"created_at", c.date(u.CreatedAt)}, {"updated_at", c.date(u.UpdatedAt)}, {"id", u.ID}, {"login", u.Login},
		{"description", orNull(u.Description)},
		{"ssh_keys", showAll(u.Keys, func(k core.Key) any {
			return object{
				{"id", k.ID}, {"name", k.Name}, {"key", k.Text}, {"length", k.Public.Length()}, {"fingerprint", k.Public.SHA256().Padded()},
			}
		})},
	}
}

func place[ID ~int64](id ID, name string) object {
	return object{{"id", id}, {"name", name}, {"title", name}, {"description", nil}}
}

func (c *call) defaultLocation(u core.User) any {
	for _, l := range u.Locations {
		if l.ID == u.DefaultLocation {
			return place(l.ID, l.Name)
		}
	}
	return nil
}

func (c *call) defaultOrganization(u core.User) any {
	for _, o := range u.Organizations {
		if o.ID == u.DefaultOrganization {
			return place(o.ID, o.Name)
		}
	}
	return nil
}

// userDetail is a user as he is shown by himself.
func (c *call) userDetail(u core.User) object {
	roles := []any{}
	for _, r := range core.GrantRoles {
		for _, id := range u.RoleIDs {
			if r.ID == id {
				roles = append(roles, object{{"name", r.Name}, {"id", r.ID}, {"description", r.Description}, {"origin", nil}})
			}
		}
	}
	none := []any{}
	return append(c.userStart(u),
		member{"default_location", c.defaultLocation(u)},
		member{"locations", showAll(u.Locations, func(l core.Location) any { return place(l.ID, l.Name) })},
		member{"default_organization", c.defaultOrganization(u)},
		member{"organizations", showAll(u.Organizations, func(o core.Organization) any { return place(o.ID, o.Name) })},
		member{"effective_admin", u.Roles.Admin}, member{"cached_usergroups", none},
		member{"auth_source_internal", object{{"id", sourceID}, {"type", sourceType}, {"name", sourceName}}},
		member{"mail_notifications", none}, member{"roles", roles}, member{"usergroups", none},
	)
}

// userRow is a user as the answer to DELETE has him. The product shows the hash
// of his password there.
func (c *call) userRow(a core.Account) object {
	name := a.Name
	if name == "" {
		name = a.Login
	}
	return object{
		{"id", a.ID}, {"login", a.Login}, {"firstname", orNull(a.FirstName)}, {"lastname", orNull(a.LastName)}, {"mail", orNull(a.Email)},
		{"admin", a.Roles.Admin}, {"last_login_on", c.iso(a.LastLoginAt)}, {"auth_source_id", sourceID},
		{"created_at", c.iso(a.CreatedAt)}, {"updated_at", c.iso(a.UpdatedAt)}, {"password_hash", nil}, {"password_salt", nil},
		{"locale", orNull(a.Locale)}, {"avatar_hash", nil}, {"default_organization_id", idOrNull(a.DefaultOrganization)},
		{"default_location_id", idOrNull(a.DefaultLocation)}, {"lower_login", lower(a.Login)}, {"mail_enabled", !a.NoMail},
		{"timezone", orNull(a.TimeZone)}, {"description", orNull(a.Description)}, {"disabled", a.Disabled}, {"password", nil}, {"name", name},
	}
}

func idOrNull[ID ~int64](id ID) *ID {
	if id == 0 {
		return nil
	}
	return &id
}
