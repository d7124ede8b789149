package core

import (
	"cmp"
	"fmt"
	"strings"

	"keyrack/internal/vault"
)

func (a *applier) project(path string, want DesiredProject) error {
	is, err := a.saveProject(want)
	if err := a.problems.take(path, err); err != nil {
		return err
	}
	gone := func(k DesiredAPIKey) bool { return k.Absent }
	return goneFirst(a, path+".api_keys", want.APIKeys, gone, func(k DesiredAPIKey) error { return a.apiKey(is, k) })
}

// saveProject makes the project itself what is wanted. A new one that is wrong
// is not made and has no id.
func (a *applier) saveProject(want DesiredProject) (Project, error) {
	is, err := projectNamed(a.tx, want.Name)
	isNew := KindOf(err) == NotFound
	if err != nil && !isNew {
		return is, err
	}
	d, err := a.setProject(&is, want)
	switch {
	case err != nil || d.none():
		return is, err
	case isNew:
		a.note("create", "project "+is.Name)
		return is, a.insertProject(a.tx, a.by, &is)
	}
	is.UpdatedAt = a.clock()
	a.note("update", "project "+is.Name, d.fields...)
	return is, a.changed(a.tx.UpdateProject(is), "project.change", is.object(),
		withProject(is.ID), withDetail(strings.Join(d.fields, " ")))
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

func (a *applier) apiKey(owner Project, want DesiredAPIKey) error {
	is, err := apiKeyNamed(a.tx, owner, want.Name)
	isNew := KindOf(err) == NotFound
	if err != nil && !isNew {
		return err
	}
	object := fmt.Sprintf("api key %s/%s", owner.Name, want.Name)
	if want.Absent {
		if isNew {
			return nil
		}
		a.note("remove", object)
		return a.removeAPIKey(a.tx, a.by, is)
	}
	d, err := setAPIKey(&is, want)
	switch {
	case err != nil || owner.ID == 0:
		return err
	case isNew:
		return a.newAPIKey(owner, is, object, want.Secret)
	}
	return a.changeAPIKey(is, object, d)
}

// setAPIKey makes the API key what is wanted, but for a secret still to be
// made, and tells what that changed.
func setAPIKey(is *APIKey, want DesiredAPIKey) (diff, error) {
	var d diff
	var p problems
	is.Name = want.Name
	setTime(&d, "expires_at", &is.ExpiresAt, want.ExpiresAt)
	setSecret(&d, &p, &is.SecretHash, want.Secret)
	checkName(&p, is.Name)
	return d, p.err()
}

func (a *applier) newAPIKey(owner Project, k APIKey, object string, secret vault.Secret) error {
	line := a.note("create", object)
	k.Project = owner.ID
	k.SecretHash = hashSecret(given(line, "secret", secret, newAPISecret))
	if err := unusedAPIKey(a.tx, k); err != nil {
		return err
	}
	return a.insertAPIKey(a.tx, a.by, k)
}

func (a *applier) changeAPIKey(is APIKey, object string, d diff) error {
	if d.none() {
		return nil
	}
	if d.has("secret") {
		if err := unusedAPIKey(a.tx, is); err != nil {
			return err
		}
	}
	a.note("update", object, d.fields...)
	return a.changed(a.tx.UpdateAPIKey(is), "apikey.change", is.object(),
		withProject(is.Project), withDetail(strings.Join(d.fields, " ")))
}

func unusedAPIKey(tx Tx, k APIKey) error {
	return conflictAt(absent(tx.APIKeyByHash(k.SecretHash)), "secret", "is already in use")
}
