package vault

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/tink-crypto/tink-go/v2/tink"
)

// masterFor gives the master key that a key set is wrapped by, or says why not.
// A key that waits to take the place of the old one counts where the key set is
// wrapped by it already: a change was interrupted.
func (o Options) masterFor(file keysetFile) (masterKey, error) {
	if o.MasterKeyURI != "" {
		return o.kmsFor(file)
	}
	if isURI(file.MasterKey) {
		return masterKey{}, fmt.Errorf("%w: the key set is wrapped by %s, not by the key of a file; configure that URI", ErrMasterKeyWrong, file.MasterKey)
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

// kmsFor asks no service for what the key of a file has wrapped. That the URI is
// another than the key set names is no hindrance: servers get other names, and
// whether the key is the right one shows when it is to open the key set.
func (o Options) kmsFor(file keysetFile) (masterKey, error) {
	if !isURI(file.MasterKey) {
		return masterKey{}, fmt.Errorf("%w: %s is configured, but the key set is wrapped by the key of a file; configure that file, "+
			"or move with `keyrack vault rewrap --master-key-uri`", ErrMasterKeyWrong, o.MasterKeyURI)
	}
	return o.kms()
}

// isURI tells the two kinds of ids apart; those of files are hexadecimal.
func isURI(id string) bool { return strings.Contains(id, "://") }

// remote keeps the reason of a key management service's failure, of which Tink
// keeps the words alone.
type remote struct {
	tink.AEAD
	uri    string
	failed error
}

func (r *remote) Encrypt(plaintext, associatedData []byte) ([]byte, error) {
	out, err := r.AEAD.Encrypt(plaintext, associatedData)
	return out, r.note(err)
}

func (r *remote) Decrypt(ciphertext, associatedData []byte) ([]byte, error) {
	out, err := r.AEAD.Decrypt(ciphertext, associatedData)
	return out, r.note(err)
}

func (r *remote) note(err error) error {
	r.failed = nil
	if err != nil {
		r.failed = fmt.Errorf("%w: %s: %w", ErrKMS, r.uri, err)
	}
	return r.failed
}

// reason gives what lies behind an error of Tink's, as far as it is known.
func (m masterKey) reason(err error) error {
	if r, ok := m.AEAD.(*remote); ok && r.failed != nil {
		return r.failed
	}
	return err
}

// notOpened says why a master key that was found does not open the key set: the
// service failed, or it is another key, or else the key set is not what it was.
func (m masterKey) notOpened(file keysetFile, path string, err error) error {
	cause := m.reason(err)
	switch {
	case !errors.Is(cause, ErrKMS):
		return fmt.Errorf("%w: %s, though wrapped by the master key %q given, does not open (%w); put it back from the backup",
			ErrKeysetDamaged, path, file.MasterKey, err)
	case m.id != file.MasterKey:
		return fmt.Errorf("%w: %s is wrapped by %s: %w", ErrMasterKeyWrong, path, file.MasterKey, cause)
	}
	return fmt.Errorf("%w (to open %s)", cause, path)
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
		return masterKey{AEAD: &remote{AEAD: kek, uri: o.MasterKeyURI}, id: o.MasterKeyURI}, nil
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
