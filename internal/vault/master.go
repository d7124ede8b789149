package vault

import (
	"fmt"
	"path/filepath"
)

// masterFor gives the master key that a key set is wrapped by, or says why not.
// A key that waits to take the place of the old one counts where the key set is
// wrapped by it already: a change was interrupted.
func (o Options) masterFor(file keysetFile) (masterKey, error) {
	if o.MasterKeyURI != "" {
		return o.kmsFor(file)
	}
	master, err := readMasterKey(o.MasterKeyFile)
	if err == nil && master.id == file.MasterKey {
		return master, nil
	}
	if next, waits := readMasterKey(nextMaster(o.MasterKeyFile)); waits == nil && next.id == file.MasterKey {
		return next, nil
	}
	if err == nil {
		err = fmt.Errorf("%w: %s holds key %q, another than the vault was made with; put that one back", ErrMasterKeyWrong, o.MasterKeyFile, master.id)
	}
	return masterKey{}, err
}

func (o Options) kmsFor(file keysetFile) (masterKey, error) {
	master, err := o.kms()
	if err == nil && master.id != file.MasterKey {
		err = fmt.Errorf("%w: %s is configured, another than the vault was made with", ErrMasterKeyWrong, o.MasterKeyURI)
	}
	return master, err
}

// kms gives the master key that the URI names.
func (o Options) kms() (masterKey, error) {
	for _, client := range o.KMS {
		if !client.Supported(o.MasterKeyURI) {
			continue
		}
		kek, err := client.GetAEAD(o.MasterKeyURI)
		if err != nil {
			return masterKey{}, fmt.Errorf("%w: %s: %w", ErrKMS, o.MasterKeyURI, err)
		}
		return masterKey{AEAD: kek, id: o.MasterKeyURI}, nil
	}
	return masterKey{}, fmt.Errorf("%w: this program has no client for %s", ErrKMS, o.MasterKeyURI)
}

// ensureMaster gives the master key to wrap a new key set with.
func (o Options) ensureMaster() (masterKey, error) {
	if o.MasterKeyURI != "" {
		return o.kms()
	}
	return ensureMasterKey(o.MasterKeyFile)
}

func dirOf(path string) string { return filepath.Dir(path) }
