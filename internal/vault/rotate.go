package vault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/gofrs/flock"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// settle is how long keys stay after they stopped to seal: longer than any
// transaction that began before.
const settle = time.Minute

// AddKey adds a key that does not seal yet, so that every server can learn of
// it before anything is sealed with it; where one was added and not promoted,
// it is left at that. The steps of a rotation are AddKey, [Vault.Promote],
// sealing everything anew, and [Vault.Drop]. Each can be repeated.
func (v *Vault) AddKey() (id uint32, err error) {
	err = v.change(func(f *keysetFile, m *keyset.Manager) error {
		if id = f.Staged; id != 0 {
			return errUnchanged
		}
		id, err = m.Add(aead.AES256GCMKeyTemplate())
		f.Staged = id
		return err
	})
	return id, err
}

// Promote makes the key that was added the one that seals; where none was, all
// stays as it is.
func (v *Vault) Promote(now time.Time) error {
	return v.change(func(f *keysetFile, m *keyset.Manager) error {
		if f.Staged == 0 {
			return errUnchanged
		}
		err := m.SetPrimary(f.Staged)
		f.Staged, f.PromotedAt = 0, now.UTC().Truncate(time.Second)
		return err
	})
}

// Drop takes those keys away that neither seal nor are to seal, and tells which.
// inUse says whether anything is sealed by a key; such a key stays. ErrNotYet
// until a minute after the last promotion: a transaction that began before may
// still bring in something that the old key has sealed.
func (v *Vault) Drop(now time.Time, inUse func(key uint32) bool) (gone []uint32, err error) {
	err = v.change(func(f *keysetFile, m *keyset.Manager) error {
		if wait := f.PromotedAt.Add(settle).Sub(now); wait > 0 {
			return fmt.Errorf("%w: the key that seals does so since %s; try again in %s", ErrNotYet,
				f.PromotedAt.Format(time.RFC3339), wait.Truncate(time.Second)+time.Second)
		}
		k, err := v.fresh()
		if err != nil {
			return err
		}
		for _, key := range k.all {
			if key.Primary || key.Staged || inUse(key.ID) {
				continue
			}
			if err := m.Delete(key.ID); err != nil {
				return err
			}
			gone = append(gone, key.ID)
		}
		if gone == nil {
			return errUnchanged
		}
		return nil
	})
	return gone, err
}

// errUnchanged ends a change that has nothing to do.
var errUnchanged = errors.New("unchanged")

// change changes the key set in its file, one process at a time.
func (v *Vault) change(edit func(*keysetFile, *keyset.Manager) error) error {
	unlock, err := v.options.lock()
	if err != nil {
		return err
	}
	defer unlock()
	file, handle, err := v.options.load()
	if err != nil {
		return fmt.Errorf("change key set: %w", err)
	}
	manager := keyset.NewManagerFromHandle(handle)
	if err := edit(&file, manager); err != nil {
		if errors.Is(err, errUnchanged) {
			return nil
		}
		return fmt.Errorf("change key set: %w", err)
	}
	file.Generation++
	return v.options.rewrite(file, manager)
}

// rewrite puts the manager's keys into the file.
func (o Options) rewrite(file keysetFile, manager *keyset.Manager) error {
	handle, err := manager.Handle()
	if err != nil {
		return fmt.Errorf("change key set: %w", err)
	}
	master, err := o.masterFor(file)
	if err != nil {
		return fmt.Errorf("change key set: %w", err)
	}
	wrapped, err := wrap(handle, file.ID, master)
	if err != nil {
		return err
	}
	file.MasterKey, file.Keyset = wrapped.MasterKey, wrapped.Keyset
	return file.replace(o.KeysetFile)
}

// lock keeps other processes from changing the key set.
func (o Options) lock() (unlock func(), err error) {
	l := flock.New(o.KeysetFile+".lock", flock.SetPermissions(private))
	ok, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock key set: %w", err)
	}
	if !ok {
		return nil, fmt.Errorf("%w by another process (%s)", ErrBusy, o.KeysetFile)
	}
	return func() { _ = l.Close() }, nil
}

// Rewrap wraps the key set under another master key, and nothing else: the
// secrets stay as they are. to says where the new master key is; a file that is
// not there yet is made. Where to names the same file, a new key takes its place:
// it waits beside it, as FILE.new, until the key set is wrapped, so that a kill
// in between leaves a vault that opens. Any other to has to be configured
// before the next start.
func (v *Vault) Rewrap(to Options) error {
	unlock, err := v.options.lock()
	if err != nil {
		return err
	}
	defer unlock()
	file, handle, err := v.options.load()
	if err != nil {
		return fmt.Errorf("wrap key set anew: %w", err)
	}
	inPlace := to.MasterKeyURI == "" && v.options.MasterKeyURI == "" && to.MasterKeyFile == v.options.MasterKeyFile
	if inPlace {
		if err := v.options.settleMaster(file); err != nil {
			return err
		}
		to.MasterKeyFile = nextMaster(to.MasterKeyFile)
	}
	master, err := to.ensureMaster()
	if err != nil {
		return fmt.Errorf("wrap key set anew: %w", err)
	}
	wrapped, err := wrap(handle, file.ID, master)
	if err != nil {
		return err
	}
	file.MasterKey, file.Keyset = wrapped.MasterKey, wrapped.Keyset
	if err := file.replace(v.options.KeysetFile); err != nil {
		return err
	}
	if inPlace {
		return v.options.settleMaster(file)
	}
	return nil
}

// nextMaster is where a new master key waits to take the place of the old one.
func nextMaster(path string) string { return path + ".new" }

// settleMaster ends a change of the master key that was interrupted: a key that
// waits is put in its place where the key set is wrapped by it, and else taken
// away, for it has wrapped nothing.
func (o Options) settleMaster(file keysetFile) error {
	waits := nextMaster(o.MasterKeyFile)
	next, err := readMasterKey(waits)
	if errors.Is(err, ErrMasterKeyMissing) {
		return nil
	}
	if err == nil && next.id == file.MasterKey {
		err = os.Rename(waits, o.MasterKeyFile)
	} else {
		err = os.Remove(waits)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("settle master key: %w", err)
	}
	return syncDir(dirOf(o.MasterKeyFile))
}
