package core

import (
	"fmt"

	"github.com/google/uuid"

	"keyrack/internal/vault"
)

func (a *applier) account(path string, want DesiredAccount) error {
	is, err := a.tx.AccountByLogin(want.Login)
	isNew := KindOf(err) == NotFound
	if err != nil && !isNew {
		return err
	}
	d, err := a.setAccount(&is, want)
	if err != nil {
		return err
	}
	if is, err = a.saveAccount(is, isNew, d, want); err != nil {
		return err
	}
	return inOrder(
		func() error {
			return each(a, path+".tokens", want.Tokens, func(_ string, t DesiredToken) error { return a.token(is, t) })
		},
		func() error {
			return each(a, path+".keys", want.Keys, func(_ string, k DesiredKey) error { return a.key(is, k) })
		},
	)
}

// setAccount makes the account what is wanted and tells what that changed.
func (a *applier) setAccount(is *Account, want DesiredAccount) (diff, error) {
	var d diff
	var p problems
	organizations := ids(&p, "organizations", want.Organizations, a.organizationID)
	locations := ids(&p, "locations", want.Locations, a.locationID)
	set(&d, "login", &is.Login, want.Login)
	set(&d, "name", &is.Name, want.Name)
	set(&d, "email", &is.Email, want.Email)
	set(&d, "roles", &is.Roles, want.Roles)
	set(&d, "disabled", &is.Disabled, want.Disabled)
	setTime(&d, "expires_at", &is.ExpiresAt, want.ExpiresAt)
	setList(&d, "organizations", &is.Organizations, organizations)
	setList(&d, "locations", &is.Locations, locations)
	if hash, given := a.hashes[want.Login]; given {
		set(&d, "password", &is.PasswordHash, hash)
	}
	is.check(&p)
	return d, p.err()
}

func (a *applier) saveAccount(is Account, isNew bool, d diff, want DesiredAccount) (Account, error) {
	object := "account " + is.Login
	if isNew {
		a.note("create", object)
		return a.newAccount(is, want)
	}
	if d.none() {
		return is, nil
	}
	is.UpdatedAt = a.clock()
	a.note("update", object, d.fields...)
	return is, a.changed(a.tx.UpdateAccount(is), "account.change", is.object())
}

func (a *applier) newAccount(is Account, want DesiredAccount) (Account, error) {
	is.ID, is.UUID, is.ShortID, is.CreatedAt = want.ID, want.UUID, NewShortID(), a.clock()
	is.UpdatedAt = is.CreatedAt
	if is.UUID == (uuid.UUID{}) {
		is.UUID = newUUID()
	}
	if err := conflictAt(absent(a.tx.AccountByUUID(is.UUID)), "uuid", "is another account's"); err != nil {
		return is, err
	}
	if err := conflictAt(absent(a.tx.Account(is.ID)), "id", "is another account's"); err != nil {
		return is, err
	}
	return a.insertAccount(a.tx, a.by, is)
}

// ids looks up names, noting those that are not there.
func ids[ID any](p *problems, path string, names []string, find func(string) (ID, error)) []ID {
	out := make([]ID, 0, len(names))
	for i, name := range names {
		id, err := find(name)
		if name == "" {
			err = Errorf(Invalid, "must not be empty")
		}
		if err != nil {
			p.addf(fmt.Sprintf("%s[%d]", path, i), "%v", err)
			continue
		}
		out = append(out, id)
	}
	return out
}

func (a *applier) organizationID(name string) (OrganizationID, error) {
	return optionalOrganization(a.tx, name)
}

// optionalOrganization finds an organization by name; no name is none.
func optionalOrganization(tx Tx, name string) (OrganizationID, error) {
	if name == "" {
		return 0, nil
	}
	o, err := tx.OrganizationByName(name)
	if KindOf(err) == NotFound {
		return 0, Errorf(Invalid, "no organization is named %q", name)
	}
	return o.ID, err
}

func (a *applier) locationID(name string) (LocationID, error) {
	l, err := a.tx.LocationByName(name)
	if KindOf(err) == NotFound {
		return 0, Errorf(Invalid, "no location is named %q", name)
	}
	return l.ID, err
}

func (a *applier) token(owner Account, want DesiredToken) error {
	tokens, err := a.tx.Tokens(owner.ID)
	if err != nil {
		return err
	}
	object := fmt.Sprintf("token %s/%s/%s", owner.Login, want.Use, want.Name)
	is, err := find(tokens, func(t Token) bool { return t.Use == want.Use && t.Name == want.Name }, "token")
	switch isNew := err != nil; {
	case want.Absent && isNew:
		return nil
	case want.Absent:
		a.note("remove", object)
		return a.removeToken(a.tx, a.by, is)
	case isNew:
		return a.newToken(owner, object, want)
	}
	return a.changeToken(is, object, want)
}

func (a *applier) changeToken(is Token, object string, want DesiredToken) error {
	var d diff
	set(&d, "lifetime", &is.Lifetime, want.Lifetime)
	setTime(&d, "expires_at", &is.ExpiresAt, want.ExpiresAt)
	if !want.Secret.IsZero() {
		set(&d, "secret", &is.SecretHash, hashSecret(want.Secret.Reveal()))
	}
	if d.none() {
		return nil
	}
	if contains(d.fields, "secret") {
		if err := unusedToken(a.tx, is); err != nil {
			return err
		}
	}
	a.note("update", object, d.fields...)
	return a.changed(a.tx.UpdateToken(is), "token.change", "token "+is.UUID.String())
}

func (a *applier) newToken(owner Account, object string, want DesiredToken) error {
	line := a.note("create", object)
	secret := given(line, "secret", want.Secret, func() string { return newTokenSecret(want.Use) })
	t := Token{
		Account: owner.ID, Name: want.Name, Use: want.Use, SecretHash: hashSecret(secret),
		Lifetime: want.Lifetime, ExpiresAt: Moment(want.ExpiresAt),
	}
	if err := unusedToken(a.tx, t); err != nil {
		return err
	}
	return a.insertToken(a.tx, a.by, t)
}

func unusedToken(tx Tx, t Token) error {
	return conflictAt(absent(tx.TokenByHash(t.Use, t.SecretHash)), "secret", "is already in use")
}

// given is the secret of the file, or a new one, which the line then tells.
func given(line *ChangeLine, name string, secret vault.Secret, make func() string) string {
	if !secret.IsZero() {
		return secret.Reveal()
	}
	made := make()
	if line.Secrets == nil {
		line.Secrets = map[string]vault.Secret{}
	}
	line.Secrets[name] = vault.NewSecret(made)
	return made
}

// applied is the comment of revisions that Apply makes.
const applied = "apply"

func (a *applier) key(owner Account, want DesiredKey) error {
	is, err := a.tx.OwnerKeyByName(owner.ID, want.Name)
	object := fmt.Sprintf("key %s/%s", owner.Login, want.Name)
	switch isNew := KindOf(err) == NotFound; {
	case err != nil && !isNew:
		return err
	case want.Absent && isNew:
		return nil
	case want.Absent:
		a.note("remove", object)
		return a.removeKey(a.tx, a.by, is, applied)
	case isNew:
		a.note("create", object)
		_, err := a.addKey(a.tx, a.by, owner, NewKey{
			Name: want.Name, Text: want.PublicKey, Shared: want.Shared, Comment: applied, Unique: Uniqueness{Key: true},
		})
		return err
	}
	return a.changeKey(is, object, want)
}

// changeKey brings a key with the wanted name to the wanted content. Another
// key under the same name replaces the old one, whose evidence does not hold
// for it.
func (a *applier) changeKey(is Key, object string, want DesiredKey) error {
	in := NewKey{Owner: is.Owner, Name: want.Name, Text: want.PublicKey, Shared: want.Shared, Comment: applied, Unique: Uniqueness{Key: true}}
	public, err := a.judgeNewKey(a.tx, in)
	if err != nil {
		return err
	}
	if !public.Equal(is.Public) {
		a.note("update", object, "public_key")
		if err := a.removeKey(a.tx, a.by, is, applied); err != nil {
			return err
		}
		_, err := a.addKey(a.tx, a.by, Account{ID: is.Owner}, in)
		return err
	}
	if is.Shared == want.Shared {
		return nil
	}
	is.Shared, is.UpdatedAt = want.Shared, a.clock()
	a.note("update", object, "shared")
	if err := a.tx.UpdateKey(is); err != nil {
		return err
	}
	return a.revise(a.tx, a.by, is, KeyChanged, applied)
}
