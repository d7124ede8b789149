package core

import (
	"context"
	"errors"

	"keyrack/internal/privatekey"
)

// judgeMaterial holds the halves of a key together where that is asked for, and
// tells the version of the key that it has looked at, 0 for a new one. It runs
// before the transaction, as an encrypted key takes its time to open.
func (s *Service) judgeMaterial(ctx context.Context, by Actor, in ManagedKeyChange) (version int, err error) {
	if !in.Strict {
		return 0, nil
	}
	want, version, err := s.materialAfter(ctx, by, in)
	if err != nil || !in.PublicKey.Set && !in.PrivateKey.Set && !in.Passphrase.Set {
		return version, err
	}
	done, err := s.passwords.Turn(ctx) // the same sort of work, with the same bound
	if err != nil {
		return 0, err
	}
	defer done()
	return version, want.belongsTogether(in.PublicKey.Set)
}

// materialAfter gives what a key's material will be after the change.
func (s *Service) materialAfter(ctx context.Context, by Actor, in ManagedKeyChange) (m material, version int, err error) {
	err = s.store.View(ctx, func(tx Tx) error {
		k, _, err := (&saving{Service: s, by: by, in: in}).find(tx)
		if err != nil {
			return err
		}
		if err := in.check(); err != nil {
			return err
		}
		m, version = material{}, k.Version
		if k.Version > 0 {
			m, err = s.currentMaterial(tx, k.ManagedKey)
		}
		m = m.with(in)
		return err
	})
	return m, version, err
}

// belongsTogether says what is wrong with a pair: a private half that cannot be
// read, or is not that of the public one. That is laid to the public half where
// it was given.
func (m material) belongsTogether(publicGiven bool) error {
	var p problems
	public, err := plainKey(m.public)
	if err != nil {
		p.addf("public_key", "%v", err)
	}
	of, bad := privatekey.Public(m.private, m.passphrase)
	switch {
	case errors.Is(bad, privatekey.ErrNoPassphrase), errors.Is(bad, privatekey.ErrWrongPassphrase):
		p.addf("passphrase", "the private key %v", bad)
	case bad != nil:
		p.addf("private_key", "%v", bad)
	case err == nil && of.SHA256() != public.SHA256() && !publicGiven:
		p.addf("private_key", "is not that of the public key there is, which is %s", public.SHA256())
	case err == nil && of.SHA256() != public.SHA256():
		p.addf("public_key", "is not that of the private key, which is %s", of.SHA256())
	}
	return p.err()
}
