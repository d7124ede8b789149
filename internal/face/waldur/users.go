package waldur

import (
	"net/http"
	"strings"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

// caller is who asks about users.
type caller struct {
	core.Actor
	token  core.Token
	secret string // of the token, as it came
	now    time.Time
}

func (a *api) caller(r *http.Request, by core.Actor) (caller, error) {
	token, err := a.Core.OwnToken(r.Context(), by)
	secret, _ := tokenOf(r) // it was let in with it
	return caller{by, token, secret, a.Now()}, err
}

// userObject tells of an account what the caller may know. His own record has
// the token he came with; roles are for those who see everybody.
func (c caller) userObject(base string, u core.Account) object {
	first, last := splitName(u.Name)
	o := object{
		{"url", base + "/api/users/" + plainUUID(u.UUID) + "/"},
		{"uuid", plainUUID(u.UUID)},
		{"username", u.Login},
		{"slug", strings.ToLower(u.Login)},
		{"full_name", u.Name},
		{"native_name", ""},
		{"email", u.Email},
		{"first_name", first},
		{"last_name", last},
		{"job_title", ""},
		{"organization", ""},
		{"phone_number", ""},
	}
	if _, who := c.Impersonator(); u.ID == c.Account() && isZero(who) {
		o = append(o, face.Member{"token", c.secret}, face.Member{"token_lifetime", lifetimeOf(c.token)})
		o = append(o, face.Member{"token_expires_at", expiryOf(c.token)})
	}
	o = append(o, object{
		{"date_joined", isoTime(u.CreatedAt, "Z")},
		{"registration_method", "default"},
		{"permissions", []string{}},
		{"affiliations", []string{}},
		{"preferred_language", ""},
		{"ip_address", nil},
	}...)
	if c.ReadsAll() {
		o = append(o, object{
			{"description", ""},
			{"is_active", u.ActiveAt(c.now)},
			{"is_staff", u.Roles.Admin},
			{"is_support", u.Roles.Support},
		}...)
	}
	return o
}

// splitName gives the first word of a name, and the rest.
func splitName(full string) (first, last string) {
	first, last, _ = strings.Cut(strings.TrimSpace(full), " ")
	return first, strings.TrimSpace(last)
}

// lifetimeOf gives seconds; null is for ever.
func lifetimeOf(t core.Token) any {
	if t.Lifetime == 0 {
		return nil
	}
	return int64(t.Lifetime / time.Second)
}

func expiryOf(t core.Token) any {
	if t.Expiry().IsZero() {
		return nil
	}
	return isoTime(t.Expiry(), "Z")
}

func (a *api) listUsers(r *http.Request, by core.Actor) (face.Reply, error) {
	c, err := a.caller(r, by)
	if err != nil {
		return face.Reply{}, err
	}
	q := queryOf(r)
	where, order, err := userFilters(q, a.Now())
	if err != nil {
		return face.Reply{}, err
	}
	base, fields := a.base(r), q["field"]
	return a.paged(r, q, func(p core.Page) (any, int, error) {
		users, total, err := a.Core.Accounts(r.Context(), by, core.AccountQuery{Where: where, Order: order, Page: p})
		items := make([]object, len(users))
		for i, u := range users {
			items[i] = only(c.userObject(base, u), fields)
		}
		return items, total, err
	})
}

// userFilters reads what users are filtered and ordered by.
func userFilters(q query, now time.Time) (core.Filter, []core.Order, error) {
	f := filters{query: q}
	f.textIs("username", core.AccountLoginAttr, core.Equal)
	f.textIs("full_name", core.AccountNameAttr, core.Contains)
	f.textIs("email", core.AccountEmailAttr, core.Contains)
	f.flagIs("is_staff", core.AccountAdminAttr)
	f.flagIs("is_support", core.AccountSupportAttr)
	if active, given := f.flag("is_active"); given {
		f.where = append(f.where, isActive(active, now))
	}
	if part := f.text("query"); part != "" {
		var any core.Or
		for _, attribute := range []core.Attribute{core.AccountLoginAttr, core.AccountNameAttr, core.AccountEmailAttr} {
			any = append(any, core.Compare{Attribute: attribute, Op: core.Contains, Value: part})
		}
		f.where = append(f.where, any)
	}
	order := f.userOrder()
	where, err := f.filter()
	return where, order, err
}

func isActive(active bool, now time.Time) core.Filter {
	over := core.Or{
		core.Compare{Attribute: core.AccountDisabledAttr, Op: core.Equal, Value: true},
		core.Compare{Attribute: core.AccountExpiresAttr, Op: core.LessOrEqual, Value: now},
	}
	if active {
		return core.Not{Of: over}
	}
	return over
}

// userOrders are by what users can be ordered. Those without an attribute are
// of fields that upstream has and that are alike for all users here.
var userOrders = map[string]core.Attribute{
	"username": core.AccountLoginAttr, "full_name": core.AccountNameAttr, "email": core.AccountEmailAttr,
	"is_staff": core.AccountAdminAttr, "is_support": core.AccountSupportAttr, "date_joined": core.AccountCreatedAttr,
	"is_active": "", "description": "", "job_title": "", "native_name": "", "organization": "", "phone_number": "",
	"registration_method": "",
}

func (f *filters) userOrder() []core.Order {
	var order []core.Order
	for choice := range strings.SplitSeq(f.last("o"), ",") {
		choice = strings.TrimSpace(choice)
		name, descending := strings.CutPrefix(choice, "-")
		attribute, known := userOrders[name]
		switch {
		case choice == "":
		case !known:
			f.wrong.add("o", "Select a valid choice. "+choice+" is not one of the available choices.")
			return nil
		case attribute != "":
			order = append(order, core.Order{Attribute: attribute, Descending: descending})
		}
	}
	return order
}

// readUser tells of a user; "me" is the caller.
func (a *api) readUser(r *http.Request, by core.Actor) (face.Reply, error) {
	if r.PathValue("uuid") == "me" {
		return a.user(r, by, by.Name())
	}
	id, err := pathUUID(r, errNoUser)
	if err != nil {
		return face.Reply{}, err
	}
	return a.user(r, by, id.String())
}

func (a *api) user(r *http.Request, by core.Actor, ref string) (face.Reply, error) {
	c, err := a.caller(r, by)
	if err != nil {
		return face.Reply{}, err
	}
	u, err := a.Core.AccountRef(r.Context(), by, ref)
	if err != nil {
		return face.Reply{}, absent(err, errNoUser)
	}
	return face.Reply{Body: only(c.userObject(a.base(r), u), queryOf(r)["field"])}, nil
}
