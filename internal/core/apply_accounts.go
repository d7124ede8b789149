package core

import (
	"fmt"
	"strings"

	"github.com/google/uuid"

	"keyrack/internal/vault"
)

func (a *applier) account(path string, want DesiredAccount) error {
	is, err := a.saveAccount(want)
	if err := a.problems.take(path, err); err != nil {
		return err
	}
	// What it holds is looked at even where the account itself is wrong.
	return inOrder(
		func() error { return a.tokens(path+".tokens", is, want.Tokens) },
		func() error { return a.keys(path+".keys", is, want.Keys) },
	)
}

// saveAccount makes the account itself what is wanted. A new one that is wrong
// is not made and has no id.
func (a *applier) saveAccount(want DesiredAccount) (Account, error) {
	is, err := accountByLogin(a.tx, want.Login)
	isNew := KindOf(err) == NotFound
	if err != nil && !isNew {
		return is, err
	}
	d, err := a.setAccount(&is, want)
	switch {
	case err != nil || d.none():
		return is, err
	case isNew:
		return a.newAccount(is, want)
	}
	return is, a.changeAccount(is, d)
}

// setAccount makes the account what is wanted and tells what that changed.
func (a *applier) setAccount(is *Account, want DesiredAccount) (diff, error) {
	var d diff
	var p problems
	organizations, err := ids(&p, "organizations", want.Organizations, a.tx, organizationNamed)
	if err != nil {
		return d, err
	}
	locations, err := ids(&p, "locations", want.Locations, a.tx, locationNamed)
	if err != nil {
		return d, err
	}
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

func (a *applier) changeAccount(is Account, d diff) error {
	if d.has("login") || d.has("email") {
		if err := distinct(a.tx, is); err != nil {
			return err
		}
	}
	is.UpdatedAt = a.clock()
	a.note("update", "account "+is.Login, d.fields...)
	return a.changed(a.tx.UpdateAccount(is), "account.change", is.object(), withDetail(strings.Join(d.fields, " ")))
}

// maxGivenID is the largest id that every client can read: JavaScript's
// MAX_SAFE_INTEGER. It leaves the databases room to go on from there.
const maxGivenID = 1<<53 - 1

func (a *applier) newAccount(is Account, want DesiredAccount) (Account, error) {
	none := Account{Login: is.Login}
	is.ID, is.UUID, is.ShortID, is.CreatedAt = want.ID, want.UUID, NewShortID(), a.clock()
	is.UpdatedAt = is.CreatedAt
	if is.UUID == (uuid.UUID{}) {
		is.UUID = newUUID()
	}
	if is.ID < 0 || is.ID > maxGivenID {
		return none, invalid("id", "must be between 1 and %d", maxGivenID)
	}
	if err := conflictAt(absent(a.tx.AccountByUUID(is.UUID)), "uuid", "is another account's"); err != nil {
		return none, err
	}
	if err := conflictAt(absent(a.tx.Account(is.ID)), "id", "is another account's"); err != nil {
		return none, err
	}
	made, err := a.insertAccount(a.tx, a.by, is)
	if err != nil {
		return none, err
	}
	a.note("create", "account "+is.Login)
	return made, nil
}

// ids looks up names, noting those that are not there.
func ids[ID any](p *problems, path string, names []string, tx Tx, find func(Tx, string) (ID, error)) ([]ID, error) {
	out := make([]ID, 0, len(names))
	for i, name := range names {
		id, err := find(tx, name)
		if err := p.take(fmt.Sprintf("%s[%d]", path, i), err); err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, nil
}

// optionalOrganization finds an organization by name; no name is none.
func optionalOrganization(tx Tx, name string) (OrganizationID, error) {
	if name == "" {
		return 0, nil
	}
	return organizationNamed(tx, name)
}

func organizationNamed(tx Tx, name string) (OrganizationID, error) {
	o, err := named(tx.OrganizationByName, "organization", name)
	return o.ID, err
}

func locationNamed(tx Tx, name string) (LocationID, error) {
	l, err := named(tx.LocationByName, "location", name)
	return l.ID, err
}

// named looks up a thing by name. A text that cannot be a name is none's.
func named[T any](find func(string) (T, error), what, name string) (T, error) {
	var none T
	if nameError(name) != nil {
		return none, Errorf(NotFound, "no %s is named %q", what, name)
	}
	found, err := find(name)
	if KindOf(err) == NotFound {
		return none, Errorf(NotFound, "no %s is named %q", what, name)
	}
	return found, err
}

func (a *applier) tokens(path string, owner Account, want []DesiredToken) error {
	gone := func(t DesiredToken) bool { return t.Absent }
	return goneFirst(a, path, want, gone, func(t DesiredToken) error { return a.token(owner, t) })
}

func (a *applier) token(owner Account, want DesiredToken) error {
	is, err := tokenNamed(a.tx, owner, want.Use, want.Name)
	isNew := KindOf(err) == NotFound
	if err != nil && !isNew {
		return err
	}
	object := fmt.Sprintf("token %s/%s/%s", owner.Login, want.Use, want.Name)
	if want.Absent {
		if isNew {
			return nil
		}
		a.note("remove", object)
		return a.removeToken(a.tx, a.by, is)
	}
	d, err := setToken(&is, want)
	switch {
	case err != nil || owner.ID == 0:
		return err
	case isNew:
		return a.newToken(owner, is, object, want.Secret)
	}
	return a.changeToken(is, object, d)
}

// setToken makes the token what is wanted, but for a secret still to be made,
// and tells what that changed.
func setToken(is *Token, want DesiredToken) (diff, error) {
	var d diff
	var p problems
	is.Name, is.Use = want.Name, want.Use
	set(&d, "lifetime", &is.Lifetime, want.Lifetime)
	setTime(&d, "expires_at", &is.ExpiresAt, want.ExpiresAt)
	setSecret(&d, &p, &is.SecretHash, want.Secret)
	is.check(&p)
	return d, p.err()
}

func (a *applier) changeToken(is Token, object string, d diff) error {
	if d.none() {
		return nil
	}
	if d.has("secret") {
		if err := unusedToken(a.tx, is); err != nil {
			return err
		}
	}
	a.note("update", object, d.fields...)
	return a.changed(a.tx.UpdateToken(is), "token.change", is.object(), withDetail(strings.Join(d.fields, " ")))
}

func (a *applier) newToken(owner Account, t Token, object string, secret vault.Secret) error {
	line := a.note("create", object)
	t.Account = owner.ID
	t.SecretHash = hashSecret(given(line, "secret", secret, func() string { return newTokenSecret(t.Use) }))
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

// keys brings an account's keys to what is wanted. What is to go is taken away
// first, so that a key can change its name, and two can swap theirs.
func (a *applier) keys(path string, owner Account, want []DesiredKey) error {
	replaced := map[string]bool{} // by name
	retire := func(_ string, k DesiredKey) (err error) {
		replaced[k.Name], err = a.retireKey(owner, k)
		return err
	}
	put := func(_ string, k DesiredKey) error { return a.putKey(owner, k, replaced[k.Name]) }
	return inOrder(
		func() error { return each(a, path, want, retire) },
		func() error { return each(a, path, want, put) },
	)
}

// retireKey takes the key of the wanted name away if it is to go, or if it is
// another than the wanted, for which its evidence does not hold. It tells the latter.
func (a *applier) retireKey(owner Account, want DesiredKey) (replaced bool, err error) {
	is, err := keyNamed(a.tx, owner.ID, want.Name)
	if err != nil {
		return false, ignore(NotFound, err)
	}
	object := keyObject(owner, want)
	if want.Absent {
		a.note("remove", object)
		return false, a.removeKey(a.tx, a.by, is, applied)
	}
	public, err := plainKey(want.PublicKey)
	if err != nil || public.Equal(is.Public) {
		return false, nil // putKey tells what is wrong
	}
	a.note("update", object, "public_key")
	return true, a.removeKey(a.tx, a.by, is, applied)
}

// putKey adds the wanted key where it is not there. One that is there is not
// judged again: rules that have become stricter since are for new keys.
func (a *applier) putKey(owner Account, want DesiredKey, replaced bool) error {
	if want.Absent {
		return nil
	}
	is, err := keyNamed(a.tx, owner.ID, want.Name)
	switch {
	case KindOf(err) == NotFound:
		return a.newKey(owner, want, replaced)
	case err != nil:
		return err
	}
	return a.shareKey(is, keyObject(owner, want), want)
}

func (a *applier) newKey(owner Account, want DesiredKey, replaced bool) error {
	in := NewKey{
		Owner: owner.ID, Name: want.Name, Text: want.PublicKey, Shared: want.Shared,
		Comment: applied, Unique: Uniqueness{Key: true},
	}
	if owner.ID == 0 {
		_, err := a.judgeNewKey(a.tx, in)
		return err
	}
	if !replaced {
		a.note("create", keyObject(owner, want))
	}
	_, err := a.addKey(a.tx, a.by, owner, in)
	return err
}

// shareKey brings a key that is the wanted one to the rest of what is wanted.
func (a *applier) shareKey(is Key, object string, want DesiredKey) error {
	if _, err := plainKey(want.PublicKey); err != nil {
		return invalid("public_key", "%v", err)
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

func keyObject(owner Account, k DesiredKey) string {
	return fmt.Sprintf("key %s/%s", owner.Login, k.Name)
}
