package core

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"keyrack/internal/vault"
)

// RevealManagedKey reads a key with its secrets, and puts it into the custody
// of the reader. Version 0 is the current one. The reading is in the audit
// record before the secrets leave; so is each one that was refused. For
// applications with the key in reach, and those who manage everything.
func (s *Service) RevealManagedKey(ctx context.Context, by Actor, id ManagedKeyID, version int) (KeyMaterial, error) {
	var refusal error
	read, err := updateLocked(ctx, s, func(tx Tx) (out KeyMaterial, err error) {
		out, object, err := s.revealManagedKey(tx, by, id, version)
		if refusal = err; err == nil {
			return out, s.audit(tx, by, "managedkey.reveal", object, withDetail(fmt.Sprintf("version %d", out.Number)))
		}
		why, ok := refusalOf(err)
		if !ok {
			return KeyMaterial{}, err
		}
		return KeyMaterial{}, s.audit(tx, by, "managedkey.reveal", object, refused(why))
	})
	if err == nil && refusal != nil {
		err = refusal
	}
	if err != nil {
		return KeyMaterial{}, err
	}
	return read, nil
}

// refusalOf gives the words that the audit record has for an error. There are
// none for one that lost the transaction, in which nothing can be recorded.
func refusalOf(err error) (string, bool) {
	if errors.Is(err, vault.ErrTampered) {
		return "the sealed secret does not open", true
	}
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Kind == Unavailable && !errors.Is(err, errNoVault) || e.Kind == Internal {
		return "", false
	}
	return e.Msg, true
}

func (s *Service) revealManagedKey(tx Tx, by Actor, id ManagedKeyID, version int) (out KeyMaterial, object string, err error) {
	object = fmt.Sprintf("managedkey id %d", id)
	if err := tx.LockManagedKey(id); err != nil {
		return out, object, err
	}
	d, err := managedKeyFor(tx, by, id)
	if err == nil {
		object = d.object()
	}
	switch {
	case err != nil:
		return out, object, err
	case by.grant == nil && !by.manages():
		return out, object, errDenied
	case d.Disabled:
		return out, object, ErrKeyDisabled
	}
	out = KeyMaterial{ManagedKeyDetail: d, Number: d.Version}
	if version != 0 {
		out.Number = version
	}
	if err := s.openMaterial(tx, &out); err != nil {
		return KeyMaterial{}, object, err
	}
	return out, object, s.takeCustody(tx, by, &out.ManagedKeyDetail)
}

// openMaterial fills in the key material of the version.
func (s *Service) openMaterial(tx Tx, out *KeyMaterial) error {
	v, err := tx.KeyVersion(out.ID, out.Number)
	if err != nil {
		return err
	}
	m, err := s.unsealVersion(out.ManagedKey, v)
	if err != nil {
		return err
	}
	out.PublicKey, out.PrivateKey = m.public, vault.NewSecret(m.private)
	if len(m.passphrase) > 0 {
		out.Passphrase = vault.NewSecret(m.passphrase)
	}
	return nil
}

// takeCustody puts a key into the actor's custody, until the time that its policy
// sets. ErrKeyHeld where the policy lets one have it and another has it.
func (s *Service) takeCustody(tx Tx, by Actor, d *ManagedKeyDetail) error {
	p, err := policyOf(tx, *d)
	if err != nil {
		return err
	}
	now := s.clock()
	if p.Exclusive {
		if err := s.notHeldByOthers(tx, by, d.ID, now); err != nil {
			return err
		}
	}
	until := time.Time{}
	if p.ViewTime > 0 {
		until = now.Add(p.ViewTime)
	}
	d.ViewedAt, d.ExpiresAt = now, p.expiry(now, d.ChangedAt)
	if err := tx.PutCustody(Custody{Key: d.ID, Holder: by.holder(), Since: now, Until: until}); err != nil {
		return err
	}
	return tx.MarkManagedKeyViewed(d.ID, d.ViewedAt, d.ExpiresAt)
}

func (s *Service) notHeldByOthers(tx Tx, by Actor, id ManagedKeyID, now time.Time) error {
	held, err := tx.Custodies(id)
	if err != nil {
		return err
	}
	for _, c := range held {
		if c.Holder != by.holder() && c.heldAt(now) {
			return ErrKeyHeld
		}
	}
	return nil
}

// ReleaseCustody gives a key back that the actor has read. Whoever manages
// everything may give it back for another holder too; empty is the actor.
func (s *Service) ReleaseCustody(ctx context.Context, by Actor, id ManagedKeyID, holder string) error {
	return s.store.Update(ctx, func(tx Tx) error {
		d, err := managedKeyFor(tx, by, id)
		switch {
		case err != nil:
			return err
		case by.grant == nil && !by.manages(), holder != "" && !by.manages():
			return errDenied
		case d.Disabled && by.grant != nil:
			return ErrKeyDisabled
		}
		return s.release(tx, by, d.ManagedKey, cmp.Or(holder, by.holder()))
	})
}

func (s *Service) release(tx Tx, by Actor, k ManagedKey, holder string) error {
	held, err := tx.Custodies(k.ID)
	if err != nil {
		return err
	}
	for _, c := range held {
		if c.Holder != holder || !c.heldAt(s.clock()) {
			continue
		}
		if err := tx.DeleteCustody(c.ID); err != nil {
			return err
		}
		return s.audit(tx, by, "managedkey.release", k.object(), withDetail(holder))
	}
	return ErrNotHeld
}

// Custodies lists who has read a key and not given it back, the first first.
// For those who read everything.
func (s *Service) Custodies(ctx context.Context, by Actor, id ManagedKeyID) ([]Custody, error) {
	if !by.readsAll() {
		return nil, errDenied
	}
	now := s.clock()
	return view(ctx, s, func(tx Tx) ([]Custody, error) {
		if _, err := managedKeyFor(tx, by, id); err != nil {
			return nil, err
		}
		all, err := tx.Custodies(id)
		var held []Custody
		for _, c := range all {
			if c.heldAt(now) {
				held = append(held, c)
			}
		}
		return held, err
	})
}
