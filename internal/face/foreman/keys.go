package foreman

import (
	"errors"
	"strings"

	"keyrack/internal/core"
	"keyrack/internal/face"
	"keyrack/internal/scopedsearch"
)

var keySearch = []searchField{
	{Field: scopedsearch.Field{Name: "id", Type: scopedsearch.Integer, Attribute: core.KeyIDAttr}},
	{Field: scopedsearch.Field{Name: "name", Type: scopedsearch.Text, Attribute: core.KeyNameAttr, Bare: true}},
	{Field: scopedsearch.Field{Name: "user_id", Type: scopedsearch.Integer, Attribute: core.KeyOwnerAttr}},
}

// ofUser asks for a right over what belongs to the user of the path.
func ofUser(right core.Right) func(c *call) error {
	return func(c *call) error {
		id, _ := ownID(c.params.path["user_id"])
		return c.by.Require(right, core.AccountID(id))
	}
}

// parent is the id of the user of the path. A login is none.
func (c *call) parent() (core.AccountID, error) {
	text := c.params.path["user_id"]
	id, ok := ownID(text)
	if !ok {
		return 0, parentError{text}
	}
	return core.AccountID(id), nil
}

// asParent says of an account that is not there, that it is the parent.
func (c *call) asParent(err error) error {
	if errors.Is(err, core.ErrNoAccount) {
		return parentError{c.params.path["user_id"]}
	}
	return err
}

func (c *call) listKeys() (any, error) {
	owner, err := c.parent()
	if err != nil {
		return nil, err
	}
	l, err := c.listing(keySearch)
	if err != nil {
		return nil, err
	}
	return c.inPage(l, func(where core.Filter, p core.Page) (any, int, error) {
		keys, n, err := c.Core.UserKeys(c.r.Context(), c.by, c.scope, owner, core.KeyQuery{Where: where, Order: l.order.By, Page: p})
		return showAll(keys, c.showKey), n, c.asParent(err)
	})
}

func showAll[T any](list []T, show func(T) any) []any {
	out := []any{}
	for _, v := range list {
		out = append(out, show(v))
	}
	return out
}

// keyRefs are what the id of a path may mean, in the order in which it is
// tried: "3-anything" the key 3, then a key of exactly that name, then the key
// of the number it begins with.
func keyRefs(text string) []core.KeyRef {
	var refs []core.KeyRef
	id, isID := leadingID(text)
	if isID && strings.HasPrefix(text[len(leadingDigits.FindString(text)):], "-") {
		refs = append(refs, core.KeyRef{ID: core.KeyID(id)})
	}
	refs = append(refs, core.KeyRef{Name: text})
	if isID {
		refs = append(refs, core.KeyRef{ID: core.KeyID(id)})
	}
	return refs
}

func (c *call) asKey(err error) error {
	if errors.Is(err, core.ErrNoKey) {
		return notFoundError{"ssh_key", c.params.path["id"]}
	}
	return c.asParent(err)
}

func (c *call) readKey() (any, error) {
	owner, err := c.parent()
	if err != nil {
		return nil, err
	}
	k, err := c.Core.UserKey(c.r.Context(), c.by, c.scope, owner, keyRefs(c.params.path["id"])...)
	if err != nil {
		return nil, c.asKey(err)
	}
	return c.wrapped(c.showKey(k)), nil
}

func (c *call) deleteKey() (any, error) {
	owner, err := c.parent()
	if err != nil {
		return nil, err
	}
	k, err := c.Core.RemoveUserKey(c.r.Context(), c.by, c.scope, owner, keyRefs(c.params.path["id"])...)
	if err != nil {
		return nil, c.asKey(err)
	}
	return object{
		{"id", k.ID}, {"name", k.Name}, {"key", k.Text}, {"fingerprint", k.Public.SHA256().Padded()}, {"user_id", k.Owner},
		{"length", k.Public.Length()}, {"created_at", c.iso(k.CreatedAt)}, {"updated_at", c.iso(k.UpdatedAt)},
	}, nil
}

func (c *call) showKey(k core.Key) any {
	return object{
		{"created_at", c.date(k.CreatedAt)}, {"updated_at", c.date(k.UpdatedAt)}, {"id", k.ID}, {"name", k.Name}, {"key", k.Text},
		{"length", k.Public.Length()}, {"fingerprint", k.Public.SHA256().Padded()},
	}
}

func (c *call) createKey() (any, error) {
	owner, err := c.parent()
	if err != nil {
		return nil, err
	}
	given := newKey(c.params.attributes("ssh_key"))
	if given.problems(false) != nil {
		return nil, c.refusal(owner, given)
	}
	policy, err := c.policy()
	if err != nil {
		return nil, err
	}
	k, err := c.Core.AddUserKey(c.r.Context(), c.by, c.scope, core.NewKey{
		Owner: owner, Name: given.name, Text: given.text, Unique: core.Uniqueness{Key: true}, Policy: policy,
	})
	if err != nil {
		return nil, c.asParent(ofNewKey(err))
	}
	return c.wrapped(c.showKey(k)), nil
}

// refusal tells all that is wrong with a key at once: also that the user has it
// already, which core says of a key with which all else is well, and of a repeated
// request it knows that it is its key that is there. Whether there is such a user
// comes first.
func (c *call) refusal(owner core.AccountID, given givenKey) error {
	if face.Repeats(c.r) {
		return given.problems(false)
	}
	taken, err := c.Core.OwnerHas(c.r.Context(), c.by, c.scope, owner, given.public)
	if err != nil {
		return c.asParent(err)
	}
	return given.problems(taken)
}

// ofNewKey gives core's objections to a new key in the product's fields.
func ofNewKey(err error) error {
	e, ok := errors.AsType[*core.Error](err)
	if !ok || len(e.Fields) == 0 {
		return err
	}
	v := &validationError{}
	for _, f := range e.Fields {
		switch {
		case f.Path == "public_key" && f.Reason == core.Taken:
			v.add("fingerprint", "has already been taken")
		case f.Path == "public_key":
			v.add("key", f.Msg)
		default:
			v.add(f.Path, f.Msg)
		}
	}
	return v
}
