package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"keyrack/internal/backup"
	"keyrack/internal/config"
	"keyrack/internal/core"
	"keyrack/internal/store"
	"keyrack/internal/vault"
)

// ErrUnfinished is the error of a data directory into which a restore was cut off.
var ErrUnfinished = errors.New("a restore was cut off")

// Restore makes the store of a backup anew, in a place that holds none. What
// stands in the way of it is found before anything is written. While it is at
// work, and after it was cut off, a marker in the data directory keeps servers and
// commands out; the same backup can be restored there again.
func Restore(ctx context.Context, c config.Config, log *slog.Logger, b *backup.Reader) (err error) {
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return fmt.Errorf("make data directory: %w", err)
	}
	unlock, err := lockDataDir(c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	again, err := mayRestore(c, b)
	if err != nil {
		return err
	}
	if err := tryBeforehand(c, b); err != nil {
		return err
	}
	if err := writeFile(markerPath(c), []byte(b.Manifest.ID), 0o600); err != nil {
		return fmt.Errorf("mark %s as unfinished: %w", c.DataDir, err)
	}
	if err := restoreDatabase(ctx, c, log, b, again); err != nil {
		return errors.Join(err, undo(c, again))
	}
	if err := syncDir(c.DataDir); err != nil {
		return err
	}
	return errors.Join(os.Remove(markerPath(c)), syncDir(c.DataDir))
}

func markerPath(c config.Config) string { return filepath.Join(c.DataDir, "restore.unfinished") }

// refuseUnfinished refuses a data directory into which a restore was cut off.
func refuseUnfinished(c config.Config) error {
	_, err := os.Lstat(markerPath(c))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(fmt.Errorf("%w in %s, which is not whole; run `keyrack backup restore` there again", ErrUnfinished, c.DataDir), err)
}

// mayRestore refuses a place that holds something, but for what a restore of the
// same backup has left there: that is done again.
func mayRestore(c config.Config, b *backup.Reader) (again bool, err error) {
	left, err := os.ReadFile(markerPath(c))
	switch {
	case err == nil && string(left) == b.Manifest.ID:
		return true, nil
	case err == nil:
		return false, core.Errorf(core.Conflict, "the restore of another backup was cut off in %s; restore that, or name an empty --data-dir", c.DataDir)
	case !errors.Is(err, fs.ErrNotExist):
		return false, fmt.Errorf("look into data directory: %w", err)
	}
	if path := databasePath(c); path != "" {
		// The log of a database that is gone would be taken for that of the new one.
		for _, file := range []string{path, path + "-wal", path + "-shm"} {
			if err := wantAbsent(file); err != nil {
				return false, err
			}
		}
	}
	for name, data := range b.Files {
		there, err := os.ReadFile(pathOf(c, name)) // #nosec G304 -- one of three names, or a host key's, see pathOf
		if err == nil && !bytes.Equal(bytes.TrimSpace(there), bytes.TrimSpace(data)) {
			return false, core.Errorf(core.Conflict, "%s is there already, and differs from that of the backup; name an empty --data-dir", pathOf(c, name))
		}
	}
	return false, nil
}

func wantAbsent(path string) error {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return core.Errorf(core.Conflict, "%s is there already, and a restore overwrites nothing; name an empty --data-dir", path)
}

// pathOf is where a file of a backup belongs. Whatever its name says, it stays in the data directory.
func pathOf(c config.Config, name string) string {
	switch {
	case name == keysetInBackup:
		return c.KeysetFile
	case name == masterInBackup && c.MasterKeyFile != "":
		return c.MasterKeyFile
	}
	return filepath.Join(c.DataDir, filepath.Base(name))
}

// tryBeforehand opens the vault of a backup with the master key that the
// restored store is going to have.
func tryBeforehand(c config.Config, b *backup.Reader) (err error) {
	dir, err := os.MkdirTemp(c.DataDir, ".restore-")
	if err != nil {
		return fmt.Errorf("make a place to try the master key: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	keyless, err := tryVault(c, b, dir)
	if errors.Is(err, vault.ErrMasterKeyMissing) || keyless != "" {
		return fmt.Errorf("%w: the backup is without it; put it at %s first (mode 0600), or name it in the configuration", vault.ErrMasterKeyMissing, c.MasterKeyFile)
	}
	return err
}

// wantVault opens the vault and wants it to be that of the backup.
func wantVault(c config.Config, b *backup.Reader) error {
	v, err := vault.Open(vaultOptions(c))
	if err != nil {
		return err
	}
	if want := b.Manifest.VaultID; want != "" && v.ID() != want {
		return fmt.Errorf("%w: the store was sealed with key set %s, its backup holds %s", vault.ErrMasterKeyWrong, want, v.ID())
	}
	return nil
}

// restoreDatabase fills the database and puts the files beside it. An embedded
// one is made under another name, and gets its own once it is whole.
func restoreDatabase(ctx context.Context, c config.Config, log *slog.Logger, b *backup.Reader, again bool) error {
	path := databasePath(c)
	if path == "" {
		return restorePostgres(ctx, c, log, b, again)
	}
	if again {
		if err := removeDatabase(path); err != nil {
			return err
		}
	}
	draft := draftOf(path)
	if err := removeDatabase(draft); err != nil {
		return err
	}
	err := restoreInto(ctx, store.Options{Path: draft, Log: log}, b, func() error { return writeFiles(c, b, c.DataDir) })
	if err != nil {
		return err
	}
	if _, err := os.Lstat(draft + "-wal"); err == nil {
		return fmt.Errorf("restore: %s was not closed whole; is another program looking into it?", draft)
	}
	if err := os.Rename(draft, path); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return removeDatabase(draft) // what was beside it
}

func draftOf(path string) string { return path + ".restoring" }

// restorePostgres fills a database that may not be on this machine. Its rows are
// one transaction, which ends after the files are there.
func restorePostgres(ctx context.Context, c config.Config, log *slog.Logger, b *backup.Reader, again bool) error {
	o := store.Options{URL: c.DatabaseURL.Reveal(), Log: log}
	err := restoreInto(ctx, o, b, func() error { return writeFiles(c, b, c.DataDir) })
	if again && core.KindOf(err) == core.Conflict && holdsVault(ctx, o, b.Manifest.VaultID) {
		return nil // the rows were all there when the restore was cut off
	}
	return err
}

// holdsVault tells whether a database is that of a vault.
func holdsVault(ctx context.Context, o store.Options, id string) bool {
	db, err := store.Open(ctx, o)
	if err != nil {
		return false
	}
	has, err := vaultID(ctx, db)
	return errors.Join(err, db.Close()) == nil && has == id
}

func restoreInto(ctx context.Context, o store.Options, b *backup.Reader, files func() error) error {
	db, err := store.Open(ctx, o)
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	return errors.Join(fill(ctx, db, b, files), db.Close())
}

// fill puts the rows of a backup into an empty database, with files beside it,
// and brings them to this program's version.
func fill(ctx context.Context, db *store.Store, b *backup.Reader, files func() error) error {
	err := db.Import(ctx, b.Manifest.Schema, func(l *store.Load) error {
		if err := files(); err != nil {
			return err
		}
		for _, t := range b.Manifest.Tables {
			if err := l.Table(ctx, t, b.Rows(t)); err != nil {
				return err
			}
		}
		return b.Close()
	})
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return db.Migrate(ctx)
}

// writeFiles puts the files of a backup where they belong; those without a
// place of their own in the configuration go to dir.
func writeFiles(c config.Config, b *backup.Reader, dir string) error {
	c.DataDir = dir
	for name, data := range b.Files {
		if err := writeFile(pathOf(c, name), data, 0o600); err != nil {
			return fmt.Errorf("write what belongs to the store: %w", err)
		}
	}
	return nil
}

// undo removes what a restore that failed has made. Where one was cut off
// before, its marker stays.
func undo(c config.Config, again bool) error {
	if path := databasePath(c); path != "" {
		if err := removeDatabase(draftOf(path)); err != nil {
			return err
		}
	}
	if again {
		return nil
	}
	return os.Remove(markerPath(c))
}

// removeDatabase removes an SQLite database with its companions.
func removeDatabase(path string) error {
	for _, suffix := range strings.Fields("-wal -shm .migrate") {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove what was left: %w", err)
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove what was left: %w", err)
	}
	return nil
}

// syncDir makes sure that a power cut does not undo what was renamed.
func syncDir(dir string) error {
	d, err := os.Open(dir) // #nosec G304 -- the data directory
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}
