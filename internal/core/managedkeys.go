package core

import (
	"context"
	"strconv"

	"github.com/google/uuid"
)

// ManagedKeys lists the keys of the vault by id, without their secrets: an
// application those in its reach, those who read everything all.
func (s *Service) ManagedKeys(ctx context.Context, by Actor, q ManagedKeyQuery) ([]ManagedKeyDetail, int, error) {
	if err := by.readsVault(); err != nil {
		return nil, 0, err
	}
	q.Page, q.Reach = q.Page.clamped(), by.grant
	var total int
	list, err := view(ctx, s, func(tx Tx) ([]ManagedKeyDetail, error) {
		keys, n, err := tx.ManagedKeys(q)
		if err != nil {
			return nil, err
		}
		total = n
		return withDevices(tx, keys)
	})
	return list, total, err
}

// withDevices gives keys the devices they are for.
func withDevices(tx Tx, keys []ManagedKey) ([]ManagedKeyDetail, error) {
	devices, err := tx.Devices()
	if err != nil {
		return nil, err
	}
	byID := make(map[DeviceID]Device, len(devices))
	for _, d := range devices {
		byID[d.ID] = d
	}
	out := make([]ManagedKeyDetail, len(keys))
	for i, k := range keys {
		out[i] = ManagedKeyDetail{ManagedKey: k, On: byID[k.Device]}
		for _, id := range k.Additional {
			out[i].Also = append(out[i].Also, byID[id])
		}
	}
	return out, nil
}

// managedKeyDetail is withDevices for one key.
func managedKeyDetail(tx Tx, k ManagedKey, on Device) (d ManagedKeyDetail, err error) {
	d.ManagedKey, d.On = k, on
	for _, id := range k.Additional {
		also, err := tx.Device(id)
		if err != nil {
			return d, err
		}
		d.Also = append(d.Also, also)
	}
	return d, nil
}

// ManagedKey gives one key of the vault, without its secrets. To an
// application out of whose reach it is the answer is [ErrNoReach].
func (s *Service) ManagedKey(ctx context.Context, by Actor, id ManagedKeyID) (ManagedKeyDetail, error) {
	return view(ctx, s, func(tx Tx) (ManagedKeyDetail, error) { return managedKeyFor(tx, by, id) })
}

// ManagedKeyRef is ManagedKey by identifier, by UUID or by id.
func (s *Service) ManagedKeyRef(ctx context.Context, by Actor, ref string) (ManagedKeyDetail, error) {
	return view(ctx, s, func(tx Tx) (ManagedKeyDetail, error) {
		if err := by.readsVault(); err != nil {
			return ManagedKeyDetail{}, err
		}
		k, err := managedKeyNamed(tx, ref)
		if err != nil {
			return ManagedKeyDetail{}, as(ErrNoManagedKey, err)
		}
		return managedKeyFor(tx, by, k.ID)
	})
}

func managedKeyNamed(tx Tx, ref string) (ManagedKey, error) {
	k, err := tx.ManagedKeyByIdentifier(ref)
	if KindOf(err) != NotFound || err == nil {
		return k, err
	}
	if id, bad := uuid.Parse(ref); bad == nil {
		return tx.ManagedKeyByUUID(id)
	}
	if id, bad := strconv.ParseInt(ref, 10, 64); bad == nil {
		return tx.ManagedKey(ManagedKeyID(id))
	}
	return k, err
}

// managedKeyFor gives a key where the actor may see it.
func managedKeyFor(tx Tx, by Actor, id ManagedKeyID) (d ManagedKeyDetail, err error) {
	if err := by.readsVault(); err != nil {
		return d, err
	}
	k, on, err := tx.ManagedKeyAndDevice(id)
	if err != nil {
		return d, as(ErrNoManagedKey, err)
	}
	return reached(tx, by, k, on)
}

// reached gives a key with its devices where the actor may have to do with it.
func reached(tx Tx, by Actor, k ManagedKey, on Device) (d ManagedKeyDetail, err error) {
	if k.Kind != SSHKeyItem {
		return d, ErrNotSSHKey
	}
	if d, err = managedKeyDetail(tx, k, on); err != nil {
		return d, err
	}
	if !by.reaches(k, d.On) {
		return ManagedKeyDetail{}, ErrNoReach
	}
	return d, nil
}

// managedKeyToChange gives a key where the actor may change it.
func managedKeyToChange(tx Tx, by Actor, id ManagedKeyID) (ManagedKeyDetail, error) {
	if err := by.writesVault(); err != nil {
		return ManagedKeyDetail{}, err
	}
	return managedKeyFor(tx, by, id)
}

// ManagedKeyVersions lists the versions of a key by number. Their secrets stay
// sealed. For those who read everything, and applications with the key in reach.
func (s *Service) ManagedKeyVersions(ctx context.Context, by Actor, id ManagedKeyID) ([]KeyVersion, error) {
	return view(ctx, s, func(tx Tx) ([]KeyVersion, error) {
		if _, err := managedKeyFor(tx, by, id); err != nil {
			return nil, err
		}
		return tx.KeyVersions(id)
	})
}

// SetManagedKeyEnabled switches a key off, so that nobody reads it, or on
// again. [ErrKeyDisabled] and [ErrKeyEnabled] say that it is so already.
func (s *Service) SetManagedKeyEnabled(ctx context.Context, by Actor, id ManagedKeyID, enabled bool) (ManagedKeyDetail, error) {
	return update(ctx, s, func(tx Tx) (ManagedKeyDetail, error) {
		d, err := managedKeyToChange(tx, by, id)
		if err != nil {
			return d, err
		}
		switch {
		case enabled && !d.Disabled:
			return d, ErrKeyEnabled
		case !enabled && d.Disabled:
			return d, ErrKeyDisabled
		}
		return d, s.switchManagedKey(tx, by, &d.ManagedKey, enabled)
	})
}

func (s *Service) switchManagedKey(tx Tx, by Actor, k *ManagedKey, enabled bool, why ...func(*AuditEvent)) error {
	k.Disabled, k.UpdatedAt = !enabled, s.clock()
	if err := tx.UpdateManagedKey(*k); err != nil {
		return err
	}
	if enabled {
		return s.audit(tx, by, "managedkey.enable", k.object(), why...)
	}
	return s.audit(tx, by, "managedkey.disable", k.object(), why...)
}

func (k ManagedKey) object() string { return "managedkey " + k.UUID.String() }
