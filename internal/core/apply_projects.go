package core

import (
	"cmp"
	"fmt"
)

func (a *applier) project(path string, want DesiredProject) error {
	is, err := a.tx.ProjectByName(want.Name)
	isNew := KindOf(err) == NotFound
	if err != nil && !isNew {
		return err
	}
	d, err := a.setProject(&is, want)
	if err != nil {
		return err
	}
	if err := a.saveProject(&is, isNew, d); err != nil {
		return err
	}
	return each(a, path+".api_keys", want.APIKeys, func(_ string, k DesiredAPIKey) error { return a.apiKey(is, k) })
}

// setProject makes the project what is wanted and tells what that changed.
func (a *applier) setProject(is *Project, want DesiredProject) (diff, error) {
	var d diff
	set(&d, "name", &is.Name, want.Name)
	set(&d, "adopt_keys", &is.Adopt, cmp.Or(want.Adopt, AdoptOff))
	set(&d, "prove_keys", &is.ProveKeys, want.ProveKeys)
	organization, err := is.check(a.tx, want.Organization)
	set(&d, "organization", &is.Organization, organization)
	return d, err
}

func (a *applier) saveProject(is *Project, isNew bool, d diff) error {
	object := "project " + is.Name
	is.UpdatedAt = a.clock()
	if isNew {
		a.note("create", object)
		return a.insertProject(a.tx, a.by, is)
	}
	if d.none() {
		return nil
	}
	a.note("update", object, d.fields...)
	return a.changed(a.tx.UpdateProject(*is), "project.change", "project "+is.UUID.String(), withProject(is.ID))
}

func (a *applier) apiKey(owner Project, want DesiredAPIKey) error {
	keys, err := a.tx.APIKeys(owner.ID)
	if err != nil {
		return err
	}
	object := fmt.Sprintf("api key %s/%s", owner.Name, want.Name)
	is, err := find(keys, func(k APIKey) bool { return k.Name == want.Name }, "API key")
	switch isNew := err != nil; {
	case want.Absent && isNew:
		return nil
	case want.Absent:
		a.note("remove", object)
		return a.removeAPIKey(a.tx, a.by, is)
	case isNew:
		return a.newAPIKey(owner, object, want)
	}
	return a.changeAPIKey(is, object, want)
}

func (a *applier) newAPIKey(owner Project, object string, want DesiredAPIKey) error {
	line := a.note("create", object)
	k := APIKey{
		Project: owner.ID, Name: want.Name, ExpiresAt: Moment(want.ExpiresAt),
		SecretHash: hashSecret(given(line, "secret", want.Secret, newAPISecret)),
	}
	if err := unusedAPIKey(a.tx, k); err != nil {
		return err
	}
	return a.insertAPIKey(a.tx, a.by, owner, k)
}

func (a *applier) changeAPIKey(is APIKey, object string, want DesiredAPIKey) error {
	var d diff
	setTime(&d, "expires_at", &is.ExpiresAt, want.ExpiresAt)
	if !want.Secret.IsZero() {
		set(&d, "secret", &is.SecretHash, hashSecret(want.Secret.Reveal()))
	}
	if d.none() {
		return nil
	}
	if contains(d.fields, "secret") {
		if err := unusedAPIKey(a.tx, is); err != nil {
			return err
		}
	}
	a.note("update", object, d.fields...)
	return a.changed(a.tx.UpdateAPIKey(is), "apikey.change", "apikey "+is.UUID.String(), withProject(is.Project))
}

func unusedAPIKey(tx Tx, k APIKey) error {
	return conflictAt(absent(tx.APIKeyByHash(k.SecretHash)), "secret", "is already in use")
}
