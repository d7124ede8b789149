package foreman

import (
	"errors"
	"strings"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/scopedsearch"
)

const (
	tokenID    core.Attribute = "id"
	tokenName  core.Attribute = "name"
	tokenOwner core.Attribute = "user_id"
)

var tokenSearch = []searchField{
	{Field: scopedsearch.Field{Name: "id", Type: scopedsearch.Integer, Attribute: tokenID}},
	{Field: scopedsearch.Field{Name: "name", Type: scopedsearch.Text, Attribute: tokenName, Bare: true}},
	{Field: scopedsearch.Field{Name: "user_id", Type: scopedsearch.Integer, Attribute: tokenOwner}},
}

func tokenAttributes(t core.Token, name core.Attribute) any {
	switch name {
	case tokenID:
		return int64(t.ID)
	case tokenOwner:
		return int64(t.Account)
	default:
		return t.Name
	}
}

func (c *call) listTokens() (any, error) {
	owner, err := c.parent()
	if err != nil {
		return nil, err
	}
	l, err := c.listing(tokenSearch)
	if err != nil {
		return nil, err
	}
	tokens, err := c.Core.UserTokens(c.r.Context(), c.by, c.scope, owner)
	if err != nil {
		return nil, c.asParent(err)
	}
	return smallPage(c, tokens, l, tokenAttributes, func(t core.Token) any { return c.showToken(t) }), nil
}

// used is when a token was used; zero: never.
func used(t core.Token) time.Time {
	if !t.UsedAt.After(t.CreatedAt) {
		return time.Time{}
	}
	return t.UsedAt
}

func (c *call) showToken(t core.Token) object {
	return object{
		{"created_at", c.date(t.CreatedAt)}, {"updated_at", c.date(t.UpdatedAt)}, {"id", t.ID}, {"name", t.Name},
		{"expires_at", c.date(t.Expiry())}, {"active?", t.ActiveAt(c.Now())}, {"user_id", t.Account},
		{"last_used_at", c.date(used(t))}, {"revoked?", !t.RevokedAt.IsZero()},
	}
}

func (c *call) asToken(err error) error {
	if errors.Is(err, core.ErrNoToken) {
		return notFoundError{"personal_access_token", c.params.path["id"]}
	}
	return c.asParent(err)
}

// theToken is the id of the token of the path, zero where it is none.
func (c *call) theToken() core.TokenID {
	id, _ := leadingID(c.params.path["id"])
	return core.TokenID(id)
}

func (c *call) readToken() (any, error) {
	owner, err := c.parent()
	if err != nil {
		return nil, err
	}
	t, err := c.Core.UserToken(c.r.Context(), c.by, c.scope, owner, c.theToken())
	if err != nil {
		return nil, c.asToken(err)
	}
	return c.wrapped(c.showToken(t)), nil
}

func (c *call) createToken() (any, error) {
	owner, err := c.parent()
	if err != nil {
		return nil, err
	}
	given := c.params.attributes("personal_access_token")
	name, _ := given.text("name")
	name = strings.TrimSpace(name)
	bad := &validationError{}
	if name == "" {
		bad.add("name", "can't be blank")
	}
	expires := c.expiry(given, bad)
	if err := bad.err(); err != nil {
		return nil, err
	}
	t, secret, err := c.Core.AddUserToken(c.r.Context(), c.by, c.scope, owner, name, expires)
	if err != nil {
		return nil, c.asParent(ofNewToken(err))
	}
	return c.wrapped(append(object{{"token_value", secret.Reveal()}}, c.showToken(t)...)), nil
}

func ofNewToken(err error) error {
	e, ok := errors.AsType[*core.Error](err)
	if !ok || len(e.Fields) == 0 {
		return err
	}
	v := &validationError{}
	for _, f := range e.Fields {
		if f.Reason == core.Taken {
			f.Msg = "has already been taken"
		}
		v.add(f.Path, f.Msg)
	}
	return v
}

// moments are the forms in which a time is understood; those without a zone are
// in the caller's.
var moments = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02 15:04:05 MST", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05",
	"2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02",
}

// expiry reads when the token is to expire; zero: never.
func (c *call) expiry(given attributes, bad *validationError) time.Time {
	text, _ := given.text("expires_at")
	if strings.TrimSpace(text) == "" {
		return time.Time{}
	}
	for _, layout := range moments {
		at, err := time.ParseInLocation(layout, strings.TrimSpace(text), c.zone())
		if err != nil {
			continue
		}
		if !at.After(c.Now()) {
			bad.add("expires_at", "cannot be in the past")
		}
		return at
	}
	bad.add("expires_at", "Could not parse timestamp '"+text+"'")
	return time.Time{}
}

func (c *call) deleteToken() (any, error) {
	owner, err := c.parent()
	if err != nil {
		return nil, err
	}
	t, err := c.Core.RevokeUserToken(c.r.Context(), c.by, c.scope, owner, c.theToken())
	if err != nil {
		return nil, c.asToken(err)
	}
	return object{
		{"id", t.ID}, {"revoked", true}, {"token", nil}, {"name", t.Name}, {"expires_at", c.iso(t.Expiry())}, {"last_used_at", c.iso(used(t))},
		{"user_id", t.Account}, {"created_at", c.iso(t.CreatedAt)}, {"updated_at", c.iso(t.UpdatedAt)},
	}, nil
}
