package waldur

import (
	"errors"
	"net/http"

	"github.com/google/uuid"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

const (
	createdHere = "Created via REST API"
	deletedHere = "Deleted via REST API"
)

func (a *api) listKeys(r *http.Request, by core.Actor) (face.Reply, error) {
	q := queryOf(r)
	where, order, err := keyFilters(r, q)
	if err != nil {
		return face.Reply{}, err
	}
	form := formOfKeys(a.base(r), q["field"])
	return a.paged(r, q, func(p core.Page) (any, int, error) {
		keys, total, err := a.Core.KeyEntries(r.Context(), by, core.KeyQuery{Where: where, Order: order, Page: p})
		return form.list(keys), total, err
	})
}

// lookUp finds the key of the path among those that the filters select.
func (a *api) lookUp(r *http.Request, by core.Actor) (core.KeyEntry, error) {
	id, where, err := keyOf(r)
	if err != nil {
		return core.KeyEntry{}, err
	}
	k, err := a.Core.KeyEntry(r.Context(), by, id, where)
	return k, absent(err, errNoKey)
}

// keyOf reads which key is meant.
func keyOf(r *http.Request) (uuid.UUID, core.Filter, error) {
	where, _, err := keyFilters(r, queryOf(r))
	if err != nil {
		return uuid.UUID{}, nil, err
	}
	id, err := pathUUID(r, errNoKey)
	return id, where, err
}

// pathUUID reads the UUID of the path. A segment with a dot is no path at all.
func pathUUID(r *http.Request, none *problem) (uuid.UUID, error) {
	text := r.PathValue("uuid")
	if hasDotOrSlash(text) {
		return uuid.UUID{}, errNoPath
	}
	id, ok := parseUUID(text)
	if !ok {
		return uuid.UUID{}, none
	}
	return id, nil
}

func (a *api) readKey(r *http.Request, by core.Actor) (face.Reply, error) {
	k, err := a.lookUp(r, by)
	if err != nil {
		return face.Reply{}, err
	}
	return face.Reply{Body: formOfKeys(a.base(r), queryOf(r)["field"]).one(k)}, nil
}

func (a *api) createKey(r *http.Request, by core.Actor) (face.Reply, error) {
	in, err := readBody(r)
	if err != nil {
		return face.Reply{}, err
	}
	policy, err := a.policy(r.Context())
	if err != nil {
		return face.Reply{}, err
	}
	var wrong faults
	text := in.publicKey(&wrong, policy)
	name := in.text(&wrong, "name", textRule{blank: true, most: 150})
	if err := wrong.err(); err != nil {
		return face.Reply{}, err
	}
	k, err := a.Core.AddKey(r.Context(), by, core.NewKey{
		Owner: by.Account(), Name: name, Text: text, Comment: createdHere,
		Unique: core.Uniqueness{Name: true}, Policy: &policy.Policy,
	})
	if err != nil {
		return face.Reply{}, createError(err)
	}
	h := http.Header{"Location": {keyURL(a.base(r), k.Key)}}
	return face.Reply{Status: http.StatusCreated, Header: h, Body: formOfKeys(a.base(r), nil).one(k)}, nil
}

// createError words what core has against a key that the face found well-formed.
func createError(err error) error {
	e, ok := errors.AsType[*core.Error](err)
	if !ok || e.Kind != core.Conflict && e.Kind != core.Invalid {
		return err
	}
	var wrong faults
	for _, f := range e.Fields {
		switch {
		case e.Kind == core.Conflict && f.Path == "name":
			wrong.add("name", "This field must be unique.")
		case f.Path == "name":
			wrong.add("name", "Enter a valid value.") // it has control characters
		case f.Path == "public_key":
			wrong.add("public_key", invalidKey)
		}
	}
	if reason := wrong.err(); reason != nil {
		return reason
	}
	return err
}

func (a *api) deleteKey(r *http.Request, by core.Actor) (face.Reply, error) {
	id, where, err := keyOf(r)
	if err != nil {
		return face.Reply{}, err
	}
	err = a.Core.Remove(r.Context(), by, core.Removal{Key: id, Where: where, BySupport: true, Comment: deletedHere})
	if core.KindOf(err) == core.Denied && err != nil {
		err = errShared // nothing else of what one can see may not be deleted
	}
	return face.Reply{Status: http.StatusNoContent}, absent(err, errNoKey)
}
