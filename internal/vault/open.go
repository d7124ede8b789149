package vault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"
	"github.com/google/uuid"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/core/registry"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// Options says where the keys lie.
type Options struct {
	// MasterKeyFile holds 32 random bytes in base64. A file that group or
	// world have any access to is refused.
	MasterKeyFile string
	// MasterKeyURI names the master key in a key management service instead, as
	// one of KMS understands it.
	MasterKeyURI string
	// KeysetFile holds the key set, wrapped by the master key.
	KeysetFile string
	// KMS are the clients of key management services to try for MasterKeyURI.
	KMS []registry.KMSClient
}

// Create makes the vault's files, both with mode 0600, and opens it. It
// overwrites nothing: where a key set file lies already it returns ErrExists,
// and of several that create at once one succeeds. Directories must exist.
//
// A master key file without a key set file is used, not refused: Create was
// interrupted, or the operator brought a key of his own. That is safe because
// a master key by itself has sealed nothing; should it once have wrapped a key
// set that is now lost, the new vault has another ID than the lost one. The
// order matters: the master key is on disk for good before a key set needs it.
func Create(o Options) (*Vault, error) {
	err := create(o)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("create vault: %w: %s is there already and is not overwritten", ErrExists, o.KeysetFile)
	}
	if err != nil {
		return nil, fmt.Errorf("create vault: %w", err)
	}
	return Open(o) // from the files, so that what the next start will read is known to be good
}

func create(o Options) error {
	if err := absent(o.KeysetFile); err != nil {
		return err
	}
	master, err := o.ensureMaster()
	if err != nil {
		return err
	}
	file, err := newKeyset(master)
	if err != nil {
		return err
	}
	return file.write(o.KeysetFile)
}

// absent keeps Create from making a master key beside a key set that needs
// another one.
func absent(path string) error {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return fs.ErrExist
}

// Open loads the vault that Create made. Errors about the master key name the
// key that is there and the key that is needed by their ids, which are
// fingerprints and give nothing away.
func Open(o Options) (*Vault, error) {
	seen, err := stampOf(o.KeysetFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	file, handle, err := o.load()
	if err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	k, err := newKeys(file, handle, seen)
	if err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	v := &Vault{options: o, id: file.ID.String()}
	v.keys.Store(k)
	return v, nil
}

// load reads the key set and unwraps it.
func (o Options) load() (keysetFile, *keyset.Handle, error) {
	file, err := readKeysetFile(o.KeysetFile)
	if err != nil {
		return file, nil, err
	}
	master, err := o.masterFor(file)
	if err != nil {
		return file, nil, fmt.Errorf("%w (key set file %s needs master key %q)", err, o.KeysetFile, file.MasterKey)
	}
	handle, err := file.unwrap(master)
	if err != nil {
		return file, nil, master.notOpened(file, o.KeysetFile, err)
	}
	return file, handle, nil
}

// keysetFile is the key set file: a header in clear and the wrapped key set.
type keysetFile struct {
	Format    int       `json:"format"`
	ID        uuid.UUID `json:"id"`         // Vault.ID; authenticated as associated data
	MasterKey string    `json:"master_key"` // id of the wrapping key; a hint, for a better error than "decryption failed"
	Keyset    []byte    `json:"keyset"`     // Tink's EncryptedKeyset, binary

	Generation int       `json:"generation,omitempty"` // rises when the keys change, not when they are only wrapped anew
	Staged     uint32    `json:"staged,omitempty"`     // the key that was added and does not seal yet
	PromotedAt time.Time `json:"promoted_at,omitzero"` // when the primary key became that
}

// keysetFormat rises when an older program can no longer read the file.
const keysetFormat = 1

func newKeyset(master masterKey) (keysetFile, error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return keysetFile{}, fmt.Errorf("make vault id: %w", err)
	}
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return keysetFile{}, fmt.Errorf("make key set: %w", err)
	}
	return wrap(handle, id, master)
}

func wrap(handle *keyset.Handle, id uuid.UUID, master masterKey) (keysetFile, error) {
	var wrapped bytes.Buffer
	err := handle.WriteWithAssociatedData(keyset.NewBinaryWriter(&wrapped), master, bind(keysetDomain, id.String()))
	if err != nil {
		return keysetFile{}, fmt.Errorf("wrap key set: %w", master.reason(err))
	}
	return keysetFile{Format: keysetFormat, ID: id, MasterKey: master.id, Keyset: wrapped.Bytes()}, nil
}

func (f keysetFile) unwrap(master masterKey) (*keyset.Handle, error) {
	return keyset.ReadWithAssociatedData(keyset.NewBinaryReader(bytes.NewReader(f.Keyset)), master, bind(keysetDomain, f.ID.String()))
}

func (f keysetFile) write(path string) error {
	text, err := f.text()
	if err != nil {
		return err
	}
	return writeNew(path, text)
}

// replace puts the key set in the place of an older one, whole or not at all.
func (f keysetFile) replace(path string) error {
	text, err := f.text()
	if err != nil {
		return err
	}
	beside := renameio.WithTempDir(filepath.Dir(path)) // by itself it takes TMPDIR where it can
	if err := renameio.WriteFile(path, text, 0o600, beside); err != nil {
		return fmt.Errorf("replace key set file: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

func (f keysetFile) text() ([]byte, error) {
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode key set file: %w", err)
	}
	return append(text, '\n'), nil
}

func readKeysetFile(path string) (keysetFile, error) {
	text, _, err := readFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return keysetFile{}, fmt.Errorf("%w: %s does not exist; put it back from the backup", ErrKeysetMissing, path)
	}
	if err != nil {
		return keysetFile{}, fmt.Errorf("read key set file: %w", err)
	}
	var f keysetFile
	if err := json.Unmarshal(text, &f); err != nil {
		return keysetFile{}, fmt.Errorf("%w: %s is not a key set file (%w); put it back from the backup", ErrKeysetDamaged, path, err)
	}
	if f.Format != keysetFormat {
		return keysetFile{}, fmt.Errorf("%w: %s has format %d, this program reads %d", ErrKeysetDamaged, path, f.Format, keysetFormat)
	}
	return f, nil
}
