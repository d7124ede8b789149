package vault

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// keys are the key set as it was read from its file.
type keys struct {
	aead       tink.AEAD
	primary    uint32
	generation int
	seen       stamp
	all        []Key
}

// Key is one key of the key set.
type Key struct {
	ID      uint32
	Primary bool // it seals
	Staged  bool // it was added, and will seal once it is promoted
}

func newKeys(f keysetFile, h *keyset.Handle, seen stamp) (*keys, error) {
	primitive, err := aead.New(h)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeysetDamaged, err)
	}
	info := h.KeysetInfo()
	k := &keys{aead: primitive, primary: info.GetPrimaryKeyId(), generation: f.Generation, seen: seen}
	for _, i := range info.GetKeyInfo() {
		k.all = append(k.all, Key{ID: i.GetKeyId(), Primary: i.GetKeyId() == k.primary, Staged: i.GetKeyId() == f.Staged})
	}
	return k, nil
}

// stamp tells one content of a file from another without reading it: each is
// written to a file of its own and renamed.
type stamp struct {
	inode    uint64
	size     int64
	modified time.Time
}

func stampOf(path string) (stamp, error) {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}, err
	}
	s := stamp{size: info.Size(), modified: info.ModTime()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.inode = sys.Ino
	}
	return s, nil
}

// fresh gives the keys as the file has them now. A file that is gone or does
// not open any more is an error: what would be sealed could be lost.
func (v *Vault) fresh() (*keys, error) {
	seen, err := stampOf(v.options.KeysetFile)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeysetMissing, err)
	}
	if k := v.keys.Load(); k.seen == seen {
		return k, nil
	}
	return v.reload()
}

func (v *Vault) reload() (*keys, error) {
	v.loading.Lock()
	defer v.loading.Unlock()
	seen, err := stampOf(v.options.KeysetFile)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeysetMissing, err)
	}
	is := v.keys.Load()
	if is.seen == seen {
		return is, nil
	}
	k, err := v.read(is, seen)
	if err != nil {
		return nil, err
	}
	v.keys.Store(k)
	return k, nil
}

// read gives the keys of a file that has changed. One that has the same keys
// under another master key, which this process need not know, changes nothing.
func (v *Vault) read(is *keys, seen stamp) (*keys, error) {
	file, err := readKeysetFile(v.options.KeysetFile)
	if err != nil {
		return nil, err
	}
	if file.ID.String() != v.id {
		return nil, fmt.Errorf("%w: %s holds the key set of another vault", ErrKeysetDamaged, v.options.KeysetFile)
	}
	if file.Generation == is.generation {
		same := *is
		same.seen = seen
		return &same, nil
	}
	file, handle, err := v.options.load()
	if err != nil {
		return nil, err
	}
	return newKeys(file, handle, seen)
}

// Keys lists the keys of the key set, the oldest first.
func (v *Vault) Keys() ([]Key, error) {
	k, err := v.fresh()
	if err != nil {
		return nil, err
	}
	return k.all, nil
}

// mode of the files that hold keys.
const private fs.FileMode = 0o600

// Options are those that the vault was opened with.
func (v *Vault) Options() Options { return v.options }
