package senhasegura

import (
	"errors"
	"fmt"
	"net/http"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

// listCredentials lists the keys in reach, without their secrets. It is the
// only way to find their ids.
func (d dialect) listCredentials(r *http.Request, by core.Actor) (face.Reply, error) {
	s, err := d.settings(r.Context())
	if err != nil {
		return face.Reply{}, err
	}
	keys, _, err := d.Core.ManagedKeys(r.Context(), by, core.ManagedKeyQuery{})
	if err != nil {
		return face.Reply{}, err
	}
	all := make([]credential, len(keys))
	for i, k := range keys {
		all[i] = d.credentialOf(k, s)
	}
	body := done(http.StatusOK, fmt.Sprintf("%d credentials found", len(all)))
	body.Credentials = &all
	return face.Reply{Body: body}, nil
}

// releaseCustody gives a key back that was read.
func (d dialect) releaseCustody(r *http.Request, by core.Actor) (face.Reply, error) {
	s, err := d.settings(r.Context())
	if err != nil {
		return face.Reply{}, err
	}
	id := keyID(r)
	if err := d.Core.ReleaseCustody(r.Context(), by, id, ""); err != nil {
		return face.Reply{}, custodyFault(err, s)
	}
	return face.Reply{Body: done(http.StatusOK, fmt.Sprintf("Credential custody %d released", id))}, nil
}

// custodyFault gives the errors of a release their numbers: those of
// credentials, which keys are here.
func custodyFault(err error, s settings) error {
	switch {
	case errors.Is(err, core.ErrNoReach) && s.HideUnreachable, errors.Is(err, core.ErrNoManagedKey):
		return credentialNotFound.because(err)
	case errors.Is(err, core.ErrNoReach):
		return noAccess.because(err)
	case errors.Is(err, core.ErrKeyDisabled):
		return credentialInactive.because(err)
	case errors.Is(err, core.ErrNotHeld):
		return notInCustody.because(err)
	}
	return err
}
