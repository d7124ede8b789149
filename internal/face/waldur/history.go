package waldur

import (
	"errors"
	"net/http"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

// versioned finds the key whose history is asked for. Who may not read any is
// told so whether the key is there or not.
func (a *api) versioned(r *http.Request, by core.Actor) (core.KeyEntry, error) {
	if !by.ReadsAll() {
		return core.KeyEntry{}, words[core.Denied]
	}
	return a.lookUp(r, by)
}

func (a *api) keyHistory(r *http.Request, by core.Actor) (face.Reply, error) {
	k, err := a.versioned(r, by)
	if err != nil {
		return face.Reply{}, err
	}
	q := queryOf(r)
	after, before, err := q.versionTimes()
	if err != nil {
		return face.Reply{}, err
	}
	return a.paged(r, q, func(p core.Page) (any, int, error) {
		versions, total, err := a.Core.KeyHistory(r.Context(), by, core.RevisionQuery{Key: k.UUID, After: after, Before: before, Page: p})
		items := make([]object, len(versions))
		for i, v := range versions {
			items[i] = versionObject(v)
		}
		return items, total, absent(err, errNoKey)
	})
}

func (a *api) keyAt(r *http.Request, by core.Actor) (face.Reply, error) {
	k, err := a.versioned(r, by)
	if err != nil {
		return face.Reply{}, err
	}
	q := queryOf(r)
	at, err := q.timestamp("timestamp")
	if err != nil {
		return face.Reply{}, err
	}
	asked := q["timestamp"]
	if at.IsZero() {
		return face.Reply{}, &problem{http.StatusBadRequest, object{{"timestamp", "This parameter is required."}}}
	}
	v, err := a.Core.KeyVersionAt(r.Context(), by, k.UUID, at)
	if errors.Is(err, core.ErrNoVersion) {
		return face.Reply{}, errNoVersion
	}
	if err != nil {
		return face.Reply{}, absent(err, errNoKey)
	}
	return face.Reply{Body: append(versionObject(v), face.Member{"queried_at", asked[len(asked)-1]})}, nil
}
