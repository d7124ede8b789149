package raidboxes

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"keyrack/internal/core"
	"keyrack/internal/face"
	"keyrack/internal/sshkey"
)

// list answers GET /v1/ssh-keys: all keys of the account, the oldest first. A
// client that sees a bare array has nothing to page by.
func (p *protocol) list(r *http.Request, by core.Actor) (face.Reply, error) {
	keys, _, err := p.Core.Keys(r.Context(), by, core.KeyQuery{
		Where: core.OwnedBy(by.Account()), Order: []core.Order{{Attribute: core.KeyCreatedAttr}},
	})
	if err != nil {
		return face.Reply{}, err
	}
	body := make([]keyWire, len(keys))
	for i, k := range keys {
		body[i] = fromKey(k)
	}
	return face.Reply{Body: body}, nil
}

// create answers POST /v1/ssh-keys.
func (p *protocol) create(r *http.Request, by core.Actor) (face.Reply, error) {
	f, set, err := p.readFields(r)
	if err != nil {
		return face.Reply{}, err
	}
	in, wrong := newKey(f, by, set)
	var k core.KeyEntry
	if wrong.count() == 0 {
		k, err = p.Core.AddKey(r.Context(), by, in)
	} else {
		err = p.Core.CheckKey(r.Context(), by, in) // what else is wrong
	}
	if err != nil {
		if err := wrong.take(err); err != nil {
			return face.Reply{}, err
		}
	}
	if wrong.count() > 0 {
		return face.Reply{}, invalid(wrong)
	}
	body := dataWire{fromKey(k.Key)}
	if set.CreateID == "uuid" {
		body.Data.ID = k.UUID.String()
	}
	return face.Reply{Status: http.StatusCreated, Body: body}, nil
}

// newKey reads a key to be made, and what is wrong with it that core does not
// know of: to core a key without a name, or in another form, is as good.
func newKey(f fields, by core.Actor, set settings) (core.NewKey, details) {
	in := core.NewKey{
		Owner: by.Account(), Comment: "raidboxes", Unique: core.Uniqueness{Key: true}, Elsewhere: core.ElsewhereFlagged,
	}
	if set.SharedKeys == "refuse" {
		in.Elsewhere = core.ElsewhereRefused
	}
	var wrong details
	if in.Name, wrong.Title = f.title(); wrong.Title != nil {
		in.Name = "" // or core would say it again
	}
	if in.Text, wrong.Key = f.key(); wrong.Key == nil && !inOneLine(in.Text) {
		wrong.Key = say(keyFormat)
	}
	return in, wrong
}

// inOneLine tells whether a text that holds a key holds it as the vendor shows
// it, in one line of OpenSSH's; DSA is not a type it has. What holds no key is
// core's to refuse.
func inOneLine(text string) bool {
	line, err := sshkey.Parse(text)
	return err != nil ||
		line.Form == sshkey.FormOpenSSH && line.Key.Algorithm() != "ssh-dss" && !strings.ContainsAny(text, "\r\n")
}

var shortID = regexp.MustCompile(`^[0-9A-Z]{8}$`)

// remove answers DELETE /v1/ssh-keys/{id}. Another's key is not there, as one
// that never was.
func (p *protocol) remove(r *http.Request, by core.Actor) (face.Reply, error) {
	which, ok := idFilter(r.PathValue("id"))
	if !ok {
		return face.Reply{}, errNoKey
	}
	keys, _, err := p.Core.Keys(r.Context(), by, core.KeyQuery{Where: core.And{core.OwnedBy(by.Account()), which}})
	if err != nil {
		return face.Reply{}, err
	}
	if len(keys) == 0 {
		return face.Reply{}, errNoKey
	}
	if err := p.Core.RemoveKey(r.Context(), by, keys[0].UUID, "raidboxes"); err != nil {
		return face.Reply{}, err
	}
	return face.Reply{Status: http.StatusNoContent}, nil
}

var errNoKey = core.Errorf(core.NotFound, "no such key")

// idFilter selects by the id of 8 characters, as it is, or by the UUID, in any
// case. What can be neither is no key's.
func idFilter(id string) (core.Filter, bool) {
	if shortID.MatchString(id) {
		return core.Compare{Attribute: core.KeyShortIDAttr, Value: id}, true
	}
	parsed, err := uuid.Parse(id)
	if err != nil || len(id) != len(parsed.String()) {
		return nil, false
	}
	return core.Compare{Attribute: core.KeyUUIDAttr, Value: parsed}, true
}
