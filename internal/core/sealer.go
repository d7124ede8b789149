package core

import "keyrack/internal/vault"

// sealer is the vault, or that there is none: without the master key, commands
// work that no secret is asked of.
type sealer struct{ *vault.Vault }

var errNoVault = Errorf(Unavailable, "secrets cannot be sealed or read without the master key")

// need gives errNoVault where there is no vault.
func (s sealer) need() error {
	if s.Vault == nil {
		return errNoVault
	}
	return nil
}

// Seal is the vault's, see there.
func (s sealer) Seal(plain []byte, r vault.Record) ([]byte, error) {
	if err := s.need(); err != nil {
		return nil, err
	}
	return s.Vault.Seal(plain, r)
}

// Unseal is the vault's, see there.
func (s sealer) Unseal(sealed []byte, r vault.Record) ([]byte, error) {
	if err := s.need(); err != nil {
		return nil, err
	}
	return s.Vault.Unseal(sealed, r)
}
