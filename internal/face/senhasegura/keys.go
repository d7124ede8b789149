package senhasegura

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"keyrack/internal/core"
	"keyrack/internal/face"
	"keyrack/internal/vault"
)

// keyWithoutID answers who forgot the id, as the product does.
func keyWithoutID(_ *http.Request, by core.Actor) (face.Reply, error) {
	return face.Reply{}, cmp.Or(by.MayReadVault(), errNoID)
}

// keyID is the id in the path. What is no number, or too large for one, is the
// id of nothing.
func keyID(r *http.Request) core.ManagedKeyID {
	text := r.PathValue("id")
	id, err := strconv.ParseUint(text, 10, 63)
	if err != nil || strings.HasPrefix(text, "+") {
		return 0
	}
	return core.ManagedKeyID(id)
}

// readKey reads a key with its secrets, and takes it into custody.
func (d dialect) readKey(r *http.Request, by core.Actor) (face.Reply, error) {
	s, err := d.settings(r.Context())
	if err != nil {
		return face.Reply{}, err
	}
	k, err := d.Core.RevealManagedKey(r.Context(), by, keyID(r), 0)
	if err != nil {
		return face.Reply{}, keyFault(err, s)
	}
	body := d.capital(done(http.StatusOK, "Key "+number(k.ID)), s)
	body.Tenant = d.tenant(by, s)
	body.Key = d.readKeyOf(k, s)
	return face.Reply{Body: body}, nil
}

// capital sends the message once more, where the manual has it so.
func (d dialect) capital(body envelope, s settings) envelope {
	if !d.iso && s.capitalMessage() {
		body.Response.Capital = body.Response.Message
	}
	return body
}

// tenant is the name of the application's organization.
func (d dialect) tenant(by core.Actor, s settings) *string {
	if d.iso {
		return nil
	}
	tenant := s.Tenant
	if g := by.Grant(); g != nil && g.Tenant != "" {
		tenant = g.Tenant
	}
	return &tenant
}

// saveKey makes a key, or changes the one with the identifier.
func (d dialect) saveKey(r *http.Request, by core.Actor) (face.Reply, error) {
	if err := by.MayChangeVault(); err != nil {
		return face.Reply{}, err // the product says so before it reads what is asked
	}
	s, err := d.settings(r.Context())
	if err != nil {
		return face.Reply{}, err
	}
	f, err := readFields(r)
	if err != nil {
		return face.Reply{}, err
	}
	in, err := f.key()
	if err != nil {
		return face.Reply{}, err
	}
	in.Strict = s.StrictKeys
	k, err := d.Core.SaveManagedKey(r.Context(), by, in)
	if err != nil {
		return face.Reply{}, savedKeyFault(in, err, s)
	}
	message := "Key updated successfully!"
	if k.Created {
		message = "Key successfully registered!"
	}
	body := done(http.StatusCreated, message)
	body.Key = d.savedKeyOf(k)
	return face.Reply{Status: http.StatusCreated, Body: body}, nil
}

// key reads what a key should be. expiration_time, which an old sample sends,
// is not the caller's to say.
func (f fields) key() (in core.ManagedKeyChange, err error) {
	var identifier, private, password core.Change[string]
	for name, into := range map[string]*core.Change[string]{
		"identifier": &identifier, "hostname": &in.Hostname, "ip": &in.Address, "username": &in.Username,
		"key_name": &in.Name, "public_key": &in.PublicKey, "private_key": &private, "password": &password,
	} {
		if *into, err = f.text(name); err != nil {
			return in, err
		}
	}
	in.Identifier = identifier.Value
	in.PrivateKey, in.Passphrase = secret(private), secret(password)
	if in.Enabled, err = f.flag("enabled"); err != nil {
		return in, err
	}
	if in.Tags, err = f.list("tags"); err != nil {
		return in, err
	}
	in.Additional, err = f.hostnames("devices")
	return in, err
}

func secret(text core.Change[string]) core.Change[vault.Secret] {
	if !text.Set {
		return core.Change[vault.Secret]{}
	}
	return core.To(vault.NewSecret(text.Value))
}

func (d dialect) disableKey(r *http.Request, by core.Actor) (face.Reply, error) {
	s, err := d.switchKey(r, by, false)
	if err != nil {
		return face.Reply{}, keyFault(err, s)
	}
	return face.Reply{Body: done(http.StatusOK, "Key successfully deactivated")}, nil
}

func (d dialect) enableKey(r *http.Request, by core.Actor) (face.Reply, error) {
	s, err := d.switchKey(r, by, true)
	if err != nil {
		return face.Reply{}, keyFault(err, s)
	}
	return face.Reply{Body: d.capital(done(http.StatusOK, "Key successfully activated"), s)}, nil
}

func (d dialect) switchKey(r *http.Request, by core.Actor, enabled bool) (settings, error) {
	s, err := d.settings(r.Context())
	if err != nil {
		return s, err
	}
	_, err = d.Core.SetManagedKeyEnabled(r.Context(), by, keyID(r), enabled)
	return s, err
}

// keyFault gives the errors of one key their numbers.
func keyFault(err error, s settings) error {
	switch {
	case errors.Is(err, core.ErrNoReach) && s.HideUnreachable, errors.Is(err, core.ErrNoManagedKey):
		return keyNotFound.because(err)
	case errors.Is(err, core.ErrNoReach), errors.Is(err, core.ErrKeyHeld):
		return noAccess.because(err)
	case errors.Is(err, core.ErrNotSSHKey):
		return notAKey.because(err)
	case errors.Is(err, core.ErrKeyDisabled):
		return keyInactive.because(err)
	case errors.Is(err, core.ErrKeyEnabled):
		return keyActive.because(err)
	}
	return err
}

// savedKeyFault gives the errors of a key that was to be saved their numbers.
func savedKeyFault(in core.ManagedKeyChange, err error, s settings) error {
	if errors.Is(err, core.ErrNoDevice) {
		return deviceNotFound.because(err)
	}
	e := face.ErrorOf(err)
	if e.Kind != core.Invalid || len(e.Fields) == 0 {
		return keyFault(err, s)
	}
	numbers := map[string]numbered{
		"hostname": hostnameMissing, "ip": addressMissing, "public_key": publicKeyMissing, "private_key": privateKeyMissing,
		"username": usernameInvalid,
	}
	if in.PublicKey.Value != "" {
		numbers["public_key"] = publicKeyBad
	}
	if !in.PrivateKey.Value.IsZero() {
		numbers["private_key"] = privateKeyBad
	}
	if in.Strict { // the private key cannot be read with it
		numbers["passphrase"] = privateKeyBad
	}
	first := e.Fields[0]
	n, ok := numbers[first.Path]
	if !ok {
		return err
	}
	out := &fault{numbered: n, err: err}
	if n == publicKeyBad || n == privateKeyBad || n == usernameInvalid {
		out.detail = fmt.Sprintf("%s %s", first.Path, first.Msg)
	}
	return out
}
