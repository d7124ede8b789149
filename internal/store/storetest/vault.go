package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/core"
)

func newDevice(t testing.TB, tx core.Tx) (core.DeviceID, error) {
	d := sample[core.Device](t)
	d.ID, d.Organization = 0, 0
	return tx.InsertDevice(d)
}

func newManagedKey(t testing.TB, tx core.Tx) (core.ManagedKey, error) {
	k := sample[core.ManagedKey](t)
	k.ID, k.Creator, k.Additional = 0, 0, nil
	var err error
	if k.Device, err = newDevice(t, tx); err != nil {
		return k, err
	}
	k.ID, err = tx.InsertManagedKey(k)
	return k, err
}

func managedKeys(t *testing.T) kind[core.ManagedKey] {
	return kind[core.ManagedKey]{
		prepare: func(tx core.Tx, v *core.ManagedKey) (err error) {
			setUnique(t, v)
			if v.Device, err = newDevice(t, tx); err != nil {
				return err
			}
			for i := range v.Additional {
				if v.Additional[i], err = newDevice(t, tx); err != nil {
					return err
				}
			}
			if v.Creator != 0 {
				var a core.Application
				a, err = newApplication(t, tx)
				v.Creator = a.ID
			}
			return err
		},
		insert: func(tx core.Tx, v *core.ManagedKey) (err error) {
			v.ID, err = tx.InsertManagedKey(*v)
			return err
		},
		read:   sameManagedKey,
		update: func(tx core.Tx, v core.ManagedKey) error { return tx.UpdateManagedKey(v) },
	}
}

// sameOn wants a key together with the device it is on.
func sameOn(k core.ManagedKey, device core.Device) func(core.ManagedKey, core.Device, error) error {
	return func(got core.ManagedKey, on core.Device, err error) error {
		return errors.Join(err, same("key with its device", got, k), same("device of the key", on, device))
	}
}

// sameManagedKey reads a key by each of its names, and from the list.
func sameManagedKey(tx core.Tx, v core.ManagedKey) (core.ManagedKey, error) {
	byID, err1 := tx.ManagedKey(v.ID)
	byUUID, err2 := tx.ManagedKeyByUUID(v.UUID)
	byIdentifier, err3 := tx.ManagedKeyByIdentifier(v.Identifier)
	list, n, err4 := tx.ManagedKeys(core.ManagedKeyQuery{Device: v.Device})
	device, err5 := tx.Device(v.Device)
	alike := errors.Join(sameOn(byID, device)(tx.ManagedKeyAndDevice(v.ID)), sameOn(byID, device)(tx.ManagedKeyAndDeviceByIdentifier(v.Identifier)))
	if err := errors.Join(err1, err2, err3, err4, err5, alike); err != nil {
		return byID, err
	}
	if len(list) != 1 || n != 1 {
		return byID, fmt.Errorf("ManagedKeys of the device gave %d of %d, want one", len(list), n)
	}
	for name, other := range map[string]core.ManagedKey{"UUID": byUUID, "identifier": byIdentifier, "list": list[0]} {
		if d := diff(byID, other); d != "" {
			return byID, fmt.Errorf("by %s (-by id +other):\n%s", name, d)
		}
	}
	return byID, nil
}

func keyVersions(t *testing.T) kind[core.KeyVersion] {
	return kind[core.KeyVersion]{
		prepare: func(tx core.Tx, v *core.KeyVersion) error {
			v.ID = 0
			if v.PrivateKey == nil {
				v.PrivateKey = []byte{}
			}
			k, err := newManagedKey(t, tx)
			v.Key = k.ID
			return err
		},
		insert: func(tx core.Tx, v *core.KeyVersion) error {
			if err := tx.InsertKeyVersion(*v); err != nil {
				return err
			}
			stored, err := tx.KeyVersion(v.Key, v.Number)
			v.ID = stored.ID
			return err
		},
		read: func(tx core.Tx, v core.KeyVersion) (core.KeyVersion, error) { return tx.KeyVersion(v.Key, v.Number) },
	}
}

func policies(t *testing.T) kind[core.Policy] {
	return kind[core.Policy]{
		prepare: func(_ core.Tx, v *core.Policy) error { setUnique(t, v); return nil },
		insert: func(tx core.Tx, v *core.Policy) (err error) {
			v.ID, err = tx.InsertPolicy(*v)
			return err
		},
		read:   func(tx core.Tx, v core.Policy) (core.Policy, error) { return tx.PolicyByName(v.Name) },
		update: func(tx core.Tx, v core.Policy) error { return tx.UpdatePolicy(v) },
	}
}

// testVault lists keys by device and by reach, and reads versions in order.
func testVault(t *testing.T, s core.Store) {
	var a, b core.ManagedKey
	var app core.Application
	update(t, s, func(tx core.Tx) (err error) {
		if app, err = newApplication(t, tx); err != nil {
			return err
		}
		if a, err = newManagedKey(t, tx); err != nil {
			return err
		}
		if b, err = newManagedKey(t, tx); err != nil {
			return err
		}
		a.Creator, b.Additional = app.ID, []core.DeviceID{a.Device}
		err = errors.Join(tx.UpdateManagedKey(a), tx.UpdateManagedKey(b))
		for _, n := range []int{2, 1, 3} {
			err = errors.Join(err, tx.InsertKeyVersion(core.KeyVersion{Key: a.ID, Number: n, PrivateKey: []byte{1}, At: now()}))
		}
		return err
	})
	host := found(t, s, func(tx core.Tx) (core.Device, error) { return tx.Device(b.Device) }).Hostname
	for name, tt := range map[string]struct {
		q    core.ManagedKeyQuery
		want []core.ManagedKeyID
	}{
		"all":                {core.ManagedKeyQuery{}, []core.ManagedKeyID{a.ID, b.ID}},
		"second page":        {core.ManagedKeyQuery{Page: core.Page{Offset: 1, Limit: 5}}, []core.ManagedKeyID{b.ID}},
		"main device":        {core.ManagedKeyQuery{Device: a.Device}, []core.ManagedKeyID{a.ID}},
		"any device":         {core.ManagedKeyQuery{AnyDevice: a.Device}, []core.ManagedKeyID{a.ID, b.ID}},
		"own":                {core.ManagedKeyQuery{Reach: &core.Grant{Application: app.ID}}, []core.ManagedKeyID{a.ID}},
		"nobody's":           {core.ManagedKeyQuery{Reach: &core.Grant{Application: 9999}}, nil},
		"no application":     {core.ManagedKeyQuery{Reach: &core.Grant{}}, nil},
		"assigned":           {core.ManagedKeyQuery{Reach: &core.Grant{Keys: []string{b.Identifier, "\x00"}}}, []core.ManagedKeyID{b.ID}},
		"on assigned device": {core.ManagedKeyQuery{Reach: &core.Grant{Application: app.ID, Devices: []string{host, "x"}}}, []core.ManagedKeyID{a.ID, b.ID}},
		"reach and device":   {core.ManagedKeyQuery{Device: b.Device, Reach: &core.Grant{Application: app.ID}}, nil},
	} {
		var ids []core.ManagedKeyID
		list := found(t, s, func(tx core.Tx) ([]core.ManagedKey, error) {
			list, _, err := tx.ManagedKeys(tt.q)
			return list, err
		})
		for _, k := range list {
			ids = append(ids, k.ID)
		}
		if d := diff(tt.want, ids); d != "" {
			t.Errorf("ManagedKeys, %s (-want +got):\n%s", name, d)
		}
	}
	versions := found(t, s, func(tx core.Tx) ([]core.KeyVersion, error) { return tx.KeyVersions(a.ID) })
	if len(versions) != 3 || versions[0].Number != 1 || versions[2].Number != 3 {
		t.Errorf("KeyVersions = %v, want three in order", versions)
	}
	err := s.Update(t.Context(), func(tx core.Tx) error {
		return tx.InsertKeyVersion(core.KeyVersion{Key: a.ID, Number: 1, PrivateKey: []byte{1}})
	})
	wantKind(t, "a version twice", err, core.Conflict)
	err = s.Update(t.Context(), func(tx core.Tx) error { return tx.DeleteDevice(a.Device) })
	wantKind(t, "removal of a device with keys", err, core.Conflict)
	at := now()
	update(t, s, func(tx core.Tx) error { return tx.MarkManagedKeyViewed(a.ID, at, time.Time{}) })
	k := found(t, s, func(tx core.Tx) (core.ManagedKey, error) { return tx.ManagedKey(a.ID) })
	if !k.ViewedAt.Equal(at) || !k.ExpiresAt.IsZero() || k.Name != a.Name {
		t.Errorf("after a view: %+v", k)
	}
}

func testCustodies(t *testing.T, s core.Store) {
	var k core.ManagedKey
	at := now()
	update(t, s, func(tx core.Tx) (err error) {
		if k, err = newManagedKey(t, tx); err != nil {
			return err
		}
		return errors.Join(
			tx.PutCustody(core.Custody{Key: k.ID, Holder: "a", Since: at, Until: at}),
			tx.PutCustody(core.Custody{Key: k.ID, Holder: "b", Since: at.Add(1000)}),
			tx.PutCustody(core.Custody{Key: k.ID, Holder: "a", Since: at.Add(2000)}),
		)
	})
	got := found(t, s, func(tx core.Tx) ([]core.Custody, error) { return tx.Custodies(k.ID) })
	if len(got) != 2 || got[0].Holder != "b" || got[1].Holder != "a" || !got[1].Since.Equal(at.Add(2000).Truncate(time.Microsecond)) || !got[1].Until.IsZero() {
		t.Fatalf("Custodies = %+v, want b's and then a's last one", got)
	}
	update(t, s, func(tx core.Tx) error { return tx.DeleteCustody(got[0].ID) })
	if got := found(t, s, func(tx core.Tx) ([]core.Custody, error) { return tx.Custodies(k.ID) }); len(got) != 1 {
		t.Errorf("Custodies after a removal = %+v, want one", got)
	}
}

// testSealed goes through the sealed secrets of each place, and replaces them.
func testSealed(t *testing.T, s core.Store) {
	testFields(t, s)
	for _, place := range core.SealedPlaces() {
		all := found(t, s, func(tx core.Tx) ([]core.Sealed, error) { return tx.SealedSecrets(place, 0, 1000) })
		if len(all) == 0 {
			t.Errorf("%s: nothing is found", place)
			continue
		}
		for i, secret := range all {
			if secret.Owner == (uuid.UUID{}) && secret.Bytes != nil && len(secret.Bytes) > 0 {
				t.Errorf("%s: secret %d has no owner", place, i)
			}
			if i > 0 && secret.Row <= all[i-1].Row {
				t.Errorf("%s: row %d after %d", place, secret.Row, all[i-1].Row)
			}
		}
		last := all[len(all)-1]
		anew := append([]byte{1, 0xca, 0xfe, 0xba, 0xbe}, randomBytes(40)...)
		update(t, s, func(tx core.Tx) error { return tx.ReplaceSealed(place, last.Row, anew) })
		rest := found(t, s, func(tx core.Tx) ([]core.Sealed, error) { return tx.SealedSecrets(place, last.Row-1, 1) })
		if len(rest) != 1 || !bytes.Equal(rest[0].Bytes, anew) || rest[0].Owner != last.Owner || rest[0].Version != last.Version {
			t.Errorf("%s: after ReplaceSealed = %+v, want the new bytes of the same", place, rest)
		}
		counts := found(t, s, func(tx core.Tx) ([]core.SealedCount, error) { return tx.SealedCounts(place) })
		total, ours := 0, 0
		for _, c := range counts {
			total += c.Count
			if c.Key == 0xcafebabe {
				ours += c.Count
			}
		}
		if total != len(all) || ours != 1 {
			t.Errorf("%s: SealedCounts = %+v, want %d in all and one of the key", place, counts, len(all))
		}
	}
}
