package core

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"keyrack/internal/vault"
)

// Bounds of what the vault keeps.
const (
	maxKeyMaterial = 64 << 10 // bytes of one half of a key
	maxPassphrase  = 1024     // bytes
	maxTags        = 100
	defaultUser    = "usr" // as senhasegura has it
)

// ManagedKeyChange says what a managed key should be. What is not set keeps
// its value, or for a new key gets its default.
type ManagedKeyChange struct {
	// Identifier finds the key; there is a new one where it finds none. Empty:
	// a new key, with an identifier made for it.
	Identifier string
	Hostname   Change[string] // of the main device; a new key needs one
	Address    Change[string] // a new key needs one; it is not held against the device's, nor kept
	Username   Change[string] // empty: usr
	Name       Change[string]
	PublicKey  Change[string]       // byte for byte; a new key needs one
	PrivateKey Change[vault.Secret] // byte for byte; a new key needs one
	Passphrase Change[vault.Secret] // zero: none
	Enabled    Change[bool]
	Tags       Change[[]string]
	Additional Change[[]string] // hostnames; all that there are then

	// Strict wants a private key that can be read, with the passphrase if it is
	// encrypted, and is the other half of the public one.
	Strict bool
}

// SavedManagedKey is what became of a managed key.
type SavedManagedKey struct {
	ManagedKeyDetail
	Created  bool
	Unlinked []string // hostnames of additional devices that are not there
}

// SaveManagedKey makes or changes a key of the vault. Key material that changes
// makes a new version; the old ones are kept, sealed. Applications need write
// access, and for a key that is there already reach; a new one is their own.
// Invalid has the fields identifier, hostname, ip, public_key, private_key,
// passphrase, username, name and tags; those that are missing come first, in
// that order. [ErrNoDevice] is about the main device.
func (s *Service) SaveManagedKey(ctx context.Context, by Actor, in ManagedKeyChange) (SavedManagedKey, error) {
	run := updateLocked[SavedManagedKey]
	if by.repeatable.key != "" {
		run = update[SavedManagedKey]
	}
	for tries := 1; ; tries++ {
		seen, err := s.judgeMaterial(ctx, by, in)
		if err != nil {
			return SavedManagedKey{}, err
		}
		m := saving{Service: s, by: by, in: in, seen: seen}
		saved, err := run(ctx, s, m.once)
		beaten := m.isNew && KindOf(err) == Conflict && tries < maxTries
		if !errors.Is(err, errMovedOn) && !beaten {
			return saved, err
		}
	}
}

// maxTries is how often a new key is tried to be made: another may have made one
// with its identifier since there was none.
const maxTries = 3

// saving is a managed key on its way into the store.
type saving struct {
	*Service
	by   Actor
	in   ManagedKeyChange
	seen int // the version whose material was judged

	isNew bool // no key has the identifier
}

// once makes a key once, however often its request is repeated.
func (m *saving) once(tx Tx) (out SavedManagedKey, err error) {
	m.isNew = false
	if m.by.repeatable.key == "" {
		return m.save(tx)
	}
	before, err := madeBefore[SavedManagedKey](tx, m.by)
	if err != nil {
		return out, err
	}
	if !before {
		_, isNew, err := m.find(tx)
		if err != nil {
			return out, err
		}
		if !isNew {
			return m.save(tx)
		}
	}
	return once(m.Service, tx, m.by, SavedManagedKey.id,
		func(id uuid.UUID) (SavedManagedKey, error) { return savedBefore(tx, m.by, m.in, id) },
		func() (SavedManagedKey, error) { return m.save(tx) })
}

func (k SavedManagedKey) id() uuid.UUID { return k.UUID }

// savedBefore gives a key that a request has made, as it is now, and which
// additional devices of the request's it could not have.
func savedBefore(tx Tx, by Actor, in ManagedKeyChange, id uuid.UUID) (out SavedManagedKey, err error) {
	k, err := tx.ManagedKeyByUUID(id)
	if err != nil {
		return out, err
	}
	if err := by.writesVault(); err != nil {
		return out, err
	}
	out.Created = true
	if out.ManagedKeyDetail, err = managedKeyFor(tx, by, k.ID); err != nil {
		return out, err
	}
	_, out.Unlinked, err = additionalDevices(tx, by, out.On.ID, in.Additional.Value)
	return out, err
}

// errMovedOn says that the key has another version than the one looked at.
var errMovedOn = errors.New("the key has changed meanwhile")

func (m *saving) save(tx Tx) (out SavedManagedKey, err error) {
	if err := m.lock(tx); err != nil {
		return out, err
	}
	k, isNew, err := m.find(tx)
	if err != nil {
		return out, err
	}
	m.isNew = isNew
	if m.in.Strict && k.Version != m.seen {
		return out, errMovedOn
	}
	now := m.clock()
	var d diff
	if out.Unlinked, err = m.in.applyTo(tx, m.by, &k, &d); err != nil {
		return out, err
	}
	out.Created = isNew
	if isNew {
		k.UUID, k.Identifier, k.CreatedAt = newUUID(), cmp.Or(k.Identifier, newUUIDText()), now
	}
	version, err := m.nextVersion(tx, m.by, k.ManagedKey, m.in)
	if err != nil {
		return out, err
	}
	if version != nil {
		k.Version, k.ChangedAt = version.Number, now
		d.fields = append(d.fields, "version")
	}
	if !d.none() {
		k.UpdatedAt = now
		if err := m.storeManagedKey(tx, m.by, &k.ManagedKey, isNew, version, d); err != nil {
			return out, err
		}
	}
	out.ManagedKeyDetail = k
	return out, nil
}

// lock keeps the key that is meant as it is.
func (m *saving) lock(tx Tx) error {
	if m.in.Identifier == "" {
		return nil
	}
	return tx.LockManagedKeyByIdentifier(m.in.Identifier)
}

// find gives the key that is meant, or begins a new one.
func (m *saving) find(tx Tx) (k ManagedKeyDetail, isNew bool, err error) {
	if err := m.by.writesVault(); err != nil {
		return k, false, err
	}
	if m.in.Identifier != "" {
		is, on, err := tx.ManagedKeyAndDeviceByIdentifier(m.in.Identifier)
		if err == nil {
			k, err = reached(tx, m.by, is, on)
			return k, false, err
		}
		if KindOf(err) != NotFound {
			return k, false, err
		}
	}
	k.ManagedKey = ManagedKey{Kind: SSHKeyItem, Identifier: m.in.Identifier, Username: defaultUser}
	if m.by.grant != nil {
		k.Creator = m.by.grant.Application
	}
	return k, true, m.in.complete()
}

// complete says what a new key lacks.
func (in ManagedKeyChange) complete() error {
	var p problems
	for _, need := range []struct {
		path  string
		given bool
	}{
		{"hostname", in.Hostname.Value != ""},
		{"ip", in.Address.Value != ""},
		{"public_key", in.PublicKey.Value != ""},
		{"private_key", !in.PrivateKey.Value.IsZero()},
	} {
		if !need.given {
			p.addf(need.path, "must be given")
		}
	}
	return p.err()
}

// applyTo changes all of a key but its material, and tells which additional
// devices there are none of.
func (in ManagedKeyChange) applyTo(tx Tx, by Actor, k *ManagedKeyDetail, d *diff) (unlinked []string, err error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	setChange(d, "username", &k.Username, Change[string]{in.Username.Set, cmp.Or(in.Username.Value, defaultUser)})
	setChange(d, "name", &k.Name, in.Name)
	setChange(d, "disabled", &k.Disabled, Change[bool]{in.Enabled.Set, !in.Enabled.Value})
	setTexts(d, "tags", &k.Tags, in.Tags)
	if in.Hostname.Set {
		if k.On, err = mainDevice(tx, by, k.On, in.Hostname.Value); err != nil {
			return nil, err
		}
		set(d, "device", &k.Device, k.On.ID)
	}
	if !in.Additional.Set {
		return nil, nil
	}
	k.Also, unlinked, err = additionalDevices(tx, by, k.Device, in.Additional.Value)
	also := make([]DeviceID, len(k.Also))
	for i, device := range k.Also {
		also[i] = device.ID
	}
	setList(d, "devices", &k.Additional, also)
	return unlinked, err
}

// mainDevice finds the device of a hostname that a key may be on; is is the one
// that it is on.
func mainDevice(tx Tx, by Actor, is Device, hostname string) (Device, error) {
	on := is
	if on.Hostname != hostname {
		var err error
		if on, err = tx.DeviceByHostname(hostname); err != nil {
			return is, as(ErrNoDevice, err)
		}
	}
	if on.Disabled || !by.knows(on) {
		return is, ErrNoDevice
	}
	return on, nil
}

// additionalDevices finds the devices of hostnames but the main one, by id.
func additionalDevices(tx Tx, by Actor, but DeviceID, hostnames []string) (found []Device, unlinked []string, err error) {
	for _, name := range hostnames {
		d, err := deviceKnown(tx, by, name)
		switch {
		case KindOf(err) == NotFound && err != nil:
			unlinked = append(unlinked, name)
		case err != nil:
			return nil, nil, err
		case d.ID != but:
			found = append(found, d)
		}
	}
	slices.SortFunc(found, func(a, b Device) int { return cmp.Compare(a.ID, b.ID) })
	return slices.CompactFunc(found, func(a, b Device) bool { return a.ID == b.ID }), unlinked, nil
}

func setChange[T comparable](d *diff, field string, is *T, want Change[T]) {
	if want.Set {
		set(d, field, is, want.Value)
	}
}

// check says all that is wrong with what is given at once.
func (in ManagedKeyChange) check() error {
	var p problems
	checkLabel(&p, "identifier", in.Identifier, 255)
	in.checkMaterial(&p)
	checkLabel(&p, "username", in.Username.Value, 255)
	checkLabel(&p, "name", in.Name.Value, 255)
	checkTags(&p, "tags", in.Tags.Value)
	return p.err()
}

func (in ManagedKeyChange) checkMaterial(p *problems) {
	public, private := in.PublicKey.Value, in.PrivateKey.Value.Reveal()
	switch {
	case in.PublicKey.Set && public == "":
		p.addf("public_key", "must not be empty")
	case len(public) > maxKeyMaterial:
		p.addf("public_key", "must have at most %d bytes", maxKeyMaterial)
	case !utf8.ValidString(public) || strings.ContainsRune(public, 0):
		p.addf("public_key", "must be text")
	}
	switch {
	case in.PrivateKey.Set && private == "":
		p.addf("private_key", "must not be empty")
	case len(private) > maxKeyMaterial:
		p.addf("private_key", "must have at most %d bytes", maxKeyMaterial)
	}
	if len(in.Passphrase.Value.Reveal()) > maxPassphrase {
		p.addf("passphrase", "must have at most %d bytes", maxPassphrase)
	}
}

func checkTags(p *problems, path string, tags []string) {
	if len(tags) > maxTags {
		p.addf(path, "must be at most %d", maxTags)
		return
	}
	for i, tag := range tags {
		checkLabel(p, fmt.Sprintf("%s[%d]", path, i), tag, 255)
	}
}

// nextVersion gives the version that a change of the material makes, nil where
// it changes nothing.
func (s *Service) nextVersion(tx Tx, by Actor, k ManagedKey, in ManagedKeyChange) (*KeyVersion, error) {
	if !in.PublicKey.Set && !in.PrivateKey.Set && !in.Passphrase.Set {
		return nil, nil
	}
	var is material
	if k.Version > 0 {
		var err error
		if is, err = s.currentMaterial(tx, k); err != nil {
			return nil, err
		}
	}
	want := is.with(in)
	if want.equal(is) {
		return nil, nil
	}
	v := KeyVersion{Number: k.Version + 1, PublicKey: want.public, ActorKind: by.kind, ActorName: by.name, At: s.clock()}
	return &v, s.sealVersion(k, &v, want)
}

// storeManagedKey writes a key with its new version and its audit event.
func (s *Service) storeManagedKey(tx Tx, by Actor, k *ManagedKey, isNew bool, v *KeyVersion, d diff) (err error) {
	action, detail := "add", ""
	if isNew {
		k.ID, err = tx.InsertManagedKey(*k)
	} else {
		action, detail = "change", strings.Join(d.fields, " ")
		err = tx.UpdateManagedKey(*k)
	}
	if err == nil && v != nil {
		v.Key = k.ID
		err = tx.InsertKeyVersion(*v)
	}
	if err != nil {
		return err
	}
	return s.audit(tx, by, "managedkey."+action, k.object(), withDetail(detail))
}

// material is one version of a key in the clear.
type material struct {
	public              string
	private, passphrase []byte
}

func (m material) with(in ManagedKeyChange) material {
	if in.PublicKey.Set {
		m.public = in.PublicKey.Value
	}
	if in.PrivateKey.Set {
		m.private = in.PrivateKey.Value.Bytes()
	}
	if in.Passphrase.Set {
		m.passphrase = in.Passphrase.Value.Bytes()
	}
	return m
}

func (m material) equal(o material) bool {
	return m.public == o.public && bytes.Equal(m.private, o.private) && bytes.Equal(m.passphrase, o.passphrase)
}

// currentMaterial opens the current version of a key.
func (s *Service) currentMaterial(tx Tx, k ManagedKey) (material, error) {
	v, err := tx.KeyVersion(k.ID, k.Version)
	if err != nil {
		return material{}, err
	}
	return s.unsealVersion(k, v)
}

// keyRecord is what one secret of one version of a key is bound to.
func (k ManagedKey) record(field string, version int) vault.Record {
	return managedKeyRecord(k.UUID, field, int64(version))
}

// sealVersion seals want into v.
func (s *Service) sealVersion(k ManagedKey, v *KeyVersion, want material) (err error) {
	if v.PrivateKey, err = s.vault.Seal(want.private, k.record("private_key", v.Number)); err != nil {
		return err
	}
	if len(want.passphrase) > 0 {
		v.Passphrase, err = s.vault.Seal(want.passphrase, k.record("passphrase", v.Number))
	}
	return err
}

func (s *Service) unsealVersion(k ManagedKey, v KeyVersion) (m material, err error) {
	m.public = v.PublicKey
	if m.private, err = s.vault.Unseal(v.PrivateKey, k.record("private_key", v.Number)); err != nil {
		return m, err
	}
	if v.Passphrase != nil {
		m.passphrase, err = s.vault.Unseal(v.Passphrase, k.record("passphrase", v.Number))
	}
	return m, err
}
