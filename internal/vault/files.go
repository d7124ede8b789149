package vault

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"
)

const (
	masterKeySize  = 32 // AES-256
	masterIDDomain = "keyrack vault master key id v1"
	// maxFile is far above what the files need. What is larger is read in
	// part, and then is damaged.
	maxFile = 1 << 20
)

// masterKey wraps the key set. It is whatever Tink calls an AEAD, and the name
// by which an operator finds it again.
type masterKey struct {
	tink.AEAD
	id string
}

// parseMasterKey reads the text of a master key file. The id is 32 bits of a
// hash that serves nothing else, over 256 random bits: enough to tell keys
// apart, no help in guessing one.
func parseMasterKey(text []byte) (masterKey, error) {
	key, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil {
		return masterKey{}, err
	}
	if len(key) != masterKeySize {
		return masterKey{}, fmt.Errorf("%d bytes in base64, want %d", len(key), masterKeySize)
	}
	kek, err := subtle.NewAESGCM(key)
	if err != nil {
		return masterKey{}, err
	}
	sum := sha256.Sum256(append(bind(masterIDDomain), key...))
	return masterKey{AEAD: kek, id: hex.EncodeToString(sum[:4])}, nil
}

// ensureMasterKey reads the master key, after making one where none is. When
// another process makes one meanwhile, that one counts.
func ensureMasterKey(path string) (masterKey, error) {
	master, err := readMasterKey(path)
	if !errors.Is(err, ErrMasterKeyMissing) {
		return master, err
	}
	key := make([]byte, masterKeySize)
	_, _ = rand.Read(key) // never fails, crypto/rand says
	text := base64.StdEncoding.AppendEncode(nil, key)
	if err := writeNew(path, append(text, '\n')); err != nil && !errors.Is(err, fs.ErrExist) {
		return masterKey{}, err
	}
	return readMasterKey(path)
}

func readMasterKey(path string) (masterKey, error) {
	text, mode, err := readFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return masterKey{}, fmt.Errorf("%w: %s does not exist; put it back from the backup, nothing sealed opens without it", ErrMasterKeyMissing, path)
	}
	if err != nil {
		return masterKey{}, fmt.Errorf("read master key file: %w", err)
	}
	if mode.Perm()&0o077 != 0 {
		return masterKey{}, fmt.Errorf("%w: %s has mode %04o, which lets others at it; chmod it to 0600", ErrMasterKeyExposed, path, mode.Perm())
	}
	master, err := parseMasterKey(text)
	if err != nil {
		return masterKey{}, fmt.Errorf("%w: %s is not a master key file (%w)", ErrMasterKeyWrong, path, err)
	}
	return master, nil
}

// readFile reads a regular file and tells its mode; both of one open file, so
// that nobody exchanges it in between. O_NONBLOCK because a pipe in its place
// would else hold up the start for ever.
func readFile(path string) ([]byte, fs.FileMode, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s is not a regular file", path)
	}
	content, err := io.ReadAll(io.LimitReader(f, maxFile))
	return content, info.Mode(), err
}

// writeNew makes path with mode 0600, whole and on disk or not at all, and
// gives fs.ErrExist where something has that name. A link does it, not
// renameio: a rename replaces what another process has just put there. A kill
// just after the link leaves the file a second, hidden name beside the first.
func writeNew(path string, content []byte) error {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.Write(content)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	if err := os.Link(tmp.Name(), path); err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	return syncDir(dir)
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
