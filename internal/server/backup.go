package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"
	"github.com/google/renameio/v2"
	"github.com/google/uuid"

	"keyrack/internal/backup"
	"keyrack/internal/config"
	"keyrack/internal/core"
	"keyrack/internal/store"
)

// Names of files within a backup. Host keys have those of their own.
const (
	keysetInBackup = "keyset.json"
	masterInBackup = "master.key"
	hostKeyPattern = "ssh_host_*_key"
)

// BackupOptions say where a backup goes, and who can open it.
type BackupOptions struct {
	File       string // must not be there yet
	Recipients []age.Recipient
	MasterKey  bool // put the master key in, too
	Program    string
}

// BackUp writes a backup of the store as it is at one moment, with the files
// that a restore needs, while servers go on. The file is there once it is whole.
func (l *Local) BackUp(ctx context.Context, c config.Config, o BackupOptions) (m backup.Manifest, rows int64, err error) {
	if _, err := os.Lstat(o.File); err == nil {
		return m, 0, core.Errorf(core.Conflict, "%s is there already; name another file", o.File)
	}
	files, err := filesOf(c, o.MasterKey)
	if err != nil {
		return m, 0, err
	}
	pending, err := renameio.NewPendingFile(o.File, renameio.WithPermissions(0o600), beside(o.File))
	if err != nil {
		return m, 0, fmt.Errorf("make %s: %w", o.File, err)
	}
	defer func() { err = errors.Join(err, pending.Cleanup()) }()
	err = l.Store.Export(ctx, func(s *store.Snapshot) error {
		if err := unchanged(c, files[0].Data); err != nil {
			return err
		}
		m, rows, err = l.writeBackup(ctx, pending, c, o, s, files)
		return err
	})
	if err != nil {
		return m, 0, err
	}
	if err := pending.CloseAtomicallyReplace(); err != nil {
		return m, 0, fmt.Errorf("make %s: %w", o.File, err)
	}
	return m, rows, nil
}

// writeBackup writes a snapshot of the store and files.
func (l *Local) writeBackup(ctx context.Context, w io.Writer, c config.Config, o BackupOptions, s *store.Snapshot, files []backup.File) (m backup.Manifest, rows int64, err error) {
	m = backup.Manifest{
		ID: uuid.NewString(), Created: time.Now().UTC().Truncate(time.Second), Program: o.Program,
		Store: storeName(c), Schema: s.Version, Tables: s.Tables,
	}
	if m.VaultID, err = vaultID(ctx, l.Store); err != nil {
		return m, 0, err
	}
	for _, f := range files {
		m.Files = append(m.Files, f.Name)
	}
	b, err := backup.Create(w, o.Recipients, m, files)
	if err != nil {
		return m, 0, err
	}
	for range s.Tables {
		err := b.Next(func(t store.Table, put func([]any) error) error { return s.Rows(ctx, t, put) })
		if err != nil {
			return m, 0, err
		}
	}
	return m, b.Rows(), b.Close()
}

func storeName(c config.Config) string {
	if databasePath(c) == "" {
		return "postgres"
	}
	return "sqlite"
}

// filesOf reads what stands beside the database and is needed with it: the key
// set first, then the host keys that were made in the data directory. Those
// that the configuration names are somebody else's to keep.
func filesOf(c config.Config, masterKey bool) ([]backup.File, error) {
	paths := map[string]string{keysetInBackup: c.KeysetFile}
	names := []string{keysetInBackup}
	if masterKey {
		if c.MasterKeyURI != "" {
			return nil, core.Errorf(core.Invalid, "the master key is in %s, which gives no key away; leave --with-master-key out", c.MasterKeyURI)
		}
		names, paths[masterInBackup] = append(names, masterInBackup), c.MasterKeyFile
	}
	hostKeys, err := filepath.Glob(filepath.Join(c.DataDir, hostKeyPattern))
	if err != nil {
		return nil, fmt.Errorf("look for host keys: %w", err)
	}
	for _, path := range hostKeys {
		name := filepath.Base(path)
		names, paths[name] = append(names, name), path
	}
	files := make([]backup.File, len(names))
	for i, name := range names {
		data, err := os.ReadFile(paths[name]) // #nosec G304 -- the operator's files
		if err != nil {
			return nil, fmt.Errorf("read what belongs to the store: %w", err)
		}
		files[i] = backup.File{Name: name, Data: data}
	}
	return files, nil
}

// unchanged refuses a key set that changed between its reading and the moment
// of the snapshot, whose secrets might need another.
func unchanged(c config.Config, keyset []byte) error {
	now, err := os.ReadFile(c.KeysetFile)
	if err != nil {
		return fmt.Errorf("read what belongs to the store: %w", err)
	}
	if !bytes.Equal(now, keyset) {
		return core.Errorf(core.Conflict, "the keys of the vault were changed meanwhile; make the backup again")
	}
	return nil
}

// OpenBackup reads the beginning of a backup; close ends it.
func OpenBackup(file string, with []age.Identity) (b *backup.Reader, closeFile func() error, err error) {
	f, err := os.Open(file) // #nosec G304 -- the operator names it
	if err != nil {
		return nil, nil, fmt.Errorf("open backup: %w", err)
	}
	if b, err = backup.Open(f, with); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open backup %s: %w", file, err), f.Close())
	}
	return b, f.Close, nil
}

// Backed is what was found in a backup.
type Backed struct {
	Manifest backup.Manifest
	Rows     int64
	Findings []store.Finding // what is wrong with its content
	Keyless  string          // where no master key was found, so that nothing is known of its vault; empty: it opens
}

// VerifyBackup restores a backup into a database to throw away, and looks at
// that. The master key is tried where there is one: in the backup, or where
// the configuration has it.
func VerifyBackup(ctx context.Context, c config.Config, log *slog.Logger, b *backup.Reader) (found Backed, err error) {
	dir, err := os.MkdirTemp("", "keyrack-verify-")
	if err != nil {
		return found, fmt.Errorf("make a place to verify in: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	found.Manifest = b.Manifest
	if found.Keyless, err = tryVault(c, b, dir); err != nil {
		return found, err
	}
	db, err := store.Open(ctx, store.Options{Path: filepath.Join(dir, "keyrack.db"), Log: log})
	if err != nil {
		return found, fmt.Errorf("open store: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := fill(ctx, db, b, func() error { return nil }); err != nil {
		return found, err
	}
	found.Rows = b.Count()
	found.Findings, err = db.Check(ctx)
	return found, err
}

// tryVault opens the vault of a backup with the master key, unless there is none:
// then keyless is where it was looked for.
func tryVault(c config.Config, b *backup.Reader, dir string) (keyless string, err error) {
	at := c
	at.KeysetFile = filepath.Join(dir, keysetInBackup)
	if b.Files[masterInBackup] != nil {
		at.MasterKeyURI, at.MasterKeyFile = "", filepath.Join(dir, masterInBackup)
	}
	if err := writeFiles(at, b, dir); err != nil {
		return "", err
	}
	if at.MasterKeyURI == "" {
		if _, err := os.Stat(at.MasterKeyFile); errors.Is(err, fs.ErrNotExist) {
			return at.MasterKeyFile, nil
		}
	}
	return "", wantVault(at, b)
}
