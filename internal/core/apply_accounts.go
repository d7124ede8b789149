package core

import (
	"fmt"
	"slices"
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
		a.added.flushFull,
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
	if is.Name != want.Name {
		is.setName(want.Name)
		d.fields = append(d.fields, "name")
	}
	set(&d, "email", &is.Email, want.Email)
	set(&d, "roles", &is.Roles, want.Roles)
	set(&d, "disabled", &is.Disabled, want.Disabled)
	setTime(&d, "expires_at", &is.ExpiresAt, want.ExpiresAt)
	setList(&d, "organizations", &is.Organizations, organizations)
	setList(&d, "locations", &is.Locations, locations)
	setList(&d, "permissions", &is.Rights, want.Rights)
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
	if is.Disabled && d.has("disabled") || d.has("password") {
		if err := endLogins(a.tx, is.ID); err != nil {
			return err
		}
	}
	is.UpdatedAt = a.clock()
	a.note("update", "account "+is.Login, d.fields...)
	return a.changed(updateAccount(a.tx, is), "account.change", is.object(), withDetail(strings.Join(d.fields, " ")))
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
	if err := unusedIDs(a.tx, want); err != nil {
		return none, err
	}
	made, err := a.insertAccount(a.tx, a.by, is)
	if err != nil {
		return none, err
	}
	a.note("create", "account "+is.Login)
	return made, nil
}

// unusedIDs refuses given ids that another account has.
func unusedIDs(tx Tx, want DesiredAccount) error {
	if want.UUID != (uuid.UUID{}) {
		if err := absent(tx.AccountByUUID(want.UUID)); err != nil {
			return conflictAt(err, "uuid", "is another account's")
		}
	}
	if want.ID != 0 {
		if err := absent(tx.Account(want.ID)); err != nil {
			return conflictAt(err, "id", "is another account's")
		}
	}
	return nil
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
	case !is.RevokedAt.IsZero():
		return conflictAt(errTaken, "name", "is that of a token that was revoked; make it absent, or give the new one another name")
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
	is.UpdatedAt = a.clock()
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
	if len(want) == 0 {
		return nil
	}
	have, err := a.tx.KeysByOwner(owner.ID)
	if err != nil {
		return err
	}
	k := keyring{
		applier: a, owner: owner, have: map[string]Key{}, replaced: map[string]bool{},
		unique: Uniqueness{Key: len(have) > 0},
	}
	for _, is := range slices.Backward(have) { // of two with one name the first counts
		k.have[is.Name] = is
	}
	return inOrder(
		func() error { return each(a, path, want, k.retire) },
		func() error { return each(a, path, want, k.put) },
	)
}

// keyring is one account's keys while they become what is wanted.
type keyring struct {
	*applier
	owner    Account
	have     map[string]Key  // by name
	replaced map[string]bool // names whose key is to be another
	unique   Uniqueness      // what new keys are held to: where there were none, each other
}

// retire takes the key of the wanted name away if it is to go, or if it is
// another than the wanted, for which its evidence does not hold.
func (k keyring) retire(_ string, want DesiredKey) error {
	is, there := k.have[want.Name]
	if !there {
		return nil
	}
	if !want.Absent {
		public, err := plainKey(want.PublicKey)
		if err != nil || public.Equal(is.Public) {
			return nil // put tells what is wrong
		}
		k.replaced[want.Name] = true
		k.note("update", k.object(want), "public_key")
	} else {
		k.note("remove", k.object(want))
	}
	delete(k.have, want.Name)
	return k.removeKey(k.tx, k.by, is, applied)
}

// put adds the wanted key where it is not there. One that is there is not
// judged again: rules that have become stricter since are for new keys.
func (k keyring) put(_ string, want DesiredKey) error {
	if want.Absent {
		return nil
	}
	if is, there := k.have[want.Name]; there {
		return k.shareKey(is, k.object(want), want)
	}
	policy, err := k.policy()
	if err != nil {
		return err
	}
	in := NewKey{
		Owner: k.owner.ID, Name: want.Name, Text: want.PublicKey, Shared: want.Shared,
		Unique: k.unique, Policy: &policy,
	}
	if k.owner.ID == 0 {
		return newDraft(in, policy).wrong
	}
	if !k.replaced[want.Name] {
		k.note("create", k.object(want))
	}
	return k.added.add(in)
}

func (k keyring) object(want DesiredKey) string {
	return fmt.Sprintf("key %s/%s", k.owner.Login, want.Name)
}

// shareKey brings a key that is the wanted one to the rest of what is wanted.
func (a *applier) shareKey(is Key, object string, want DesiredKey) error {
	if _, err := plainKey(want.PublicKey); err != nil {
		return invalid("public_key", "%v", err)
	}
	if is.Shared == want.Shared {
		return nil
	}
	a.note("update", object, "shared")
	return a.changeShared(a.tx, a.by, is, want.Shared, applied)
}
