package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/tink-crypto/tink-go/v2/core/registry"

	"keyrack/internal/config"
	"keyrack/internal/core"
	"keyrack/internal/password"
	"keyrack/internal/store"
	"keyrack/internal/transit"
	"keyrack/internal/vault"
)

// vaultIDSetting is where the store keeps the identity of the vault that seals
// its secrets.
const vaultIDSetting = "vault.id"

// Local is a store opened on this machine, with the use cases over it.
type Local struct {
	Core  *core.Service
	Store *store.Store
	Vault *vault.Vault // nil where Need.Vault was not set
}

// Need says what a command needs of [OpenLocal].
type Need struct {
	Create     bool   // make what is not there yet: directory, database, vault
	Vault      bool   // open the vault, so that secrets can be sealed and read
	Notify     func() // called after a change that may have sent events; nil: nobody is told
	Serves     bool   // serve: credentials may be taken from memory, see [core.Lease]
	AnyVersion bool   // take a store of an older program, or an empty database, as it is
}

// ErrNoStore is the error of a data directory or database that holds no store.
var ErrNoStore = errors.New("there is no store yet")

// passwordCost is what a password costs. Only tests make it less.
var passwordCost = password.DefaultCost

// OpenLocal opens the store that the configuration names. A vault that is not
// the store's is refused before anything is changed.
func OpenLocal(ctx context.Context, c config.Config, log *slog.Logger, need Need) (*Local, error) {
	if err := refuseUnfinished(c); err != nil {
		return nil, err
	}
	if err := prepareDataDir(c, need); err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, store.Options{Path: databasePath(c), URL: c.DatabaseURL.Reveal(), Log: log})
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	l := &Local{Store: db}
	if err := l.prepare(ctx, c, need); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	l.Core = core.New(core.Options{
		Store: db, Vault: l.Vault, Notify: need.Notify, Settings: faceSettings, CheckURL: receivers(c).CheckURL,
		PasswordCost: passwordCost,
		// One server has an embedded store; commands and other servers there are beside it.
		Leases: need.Serves, Shared: !need.Serves || databasePath(c) == "",
	})
	return l, nil
}

// Close ends the use of the store.
func (l *Local) Close() error { return l.Store.Close() }

// prepare brings schema and vault to what is needed. The vault of a store comes
// before its migration: a wrong master key must change nothing. A new store has
// to be made first, as it is to say which vault is its own.
func (l *Local) prepare(ctx context.Context, c config.Config, need Need) error {
	v, err := l.Store.Versions(ctx)
	if err != nil {
		return err
	}
	steps := []func() error{
		func() error { return l.openVault(ctx, c, need) },
		func() error { return l.migrate(ctx, v, need) },
	}
	if v.Current == 0 {
		slices.Reverse(steps)
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// migrate brings the schema to this program's version, or refuses another one.
func (l *Local) migrate(ctx context.Context, v store.Versions, need Need) error {
	switch {
	case need.Create:
		return l.Store.Migrate(ctx)
	case need.AnyVersion || v.Current == v.Newest:
		return nil
	case v.Current == 0:
		return noStore("the database")
	}
	return core.Errorf(core.Conflict, "the store has version %d, this program needs %d; `keyrack serve` or `keyrack db migrate` brings it there",
		v.Current, v.Newest)
}

func (l *Local) openVault(ctx context.Context, c config.Config, need Need) (err error) {
	if need.Vault {
		l.Vault, err = openVault(ctx, c, l.Store, need.Create)
	}
	return err
}

func noStore(where string) error {
	return fmt.Errorf("%w in %s; `keyrack serve` or `keyrack apply` makes one, --data-dir or --database-url names another place", ErrNoStore, where)
}

// databasePath is the SQLite file, empty where PostgreSQL is used.
func databasePath(c config.Config) string {
	if !c.DatabaseURL.IsZero() {
		return ""
	}
	return filepath.Join(c.DataDir, "keyrack.db")
}

// prepareDataDir makes the data directory for its owner alone, or says that
// there is no store where there should be one.
func prepareDataDir(c config.Config, need Need) error {
	if need.Create {
		if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
			return fmt.Errorf("make data directory: %w", err)
		}
		return nil
	}
	path := databasePath(c)
	if path == "" {
		return nil
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return noStore(c.DataDir)
	}
	return nil
}

// openVault opens the vault and holds it against the store. The store's first
// vault is made here; later ones are not, because secrets would be lost.
func openVault(ctx context.Context, c config.Config, db core.Store, create bool) (*vault.Vault, error) {
	want, err := vaultID(ctx, db)
	if err != nil {
		return nil, err
	}
	files := vaultOptions(c)
	v, err := vault.Open(files)
	if errors.Is(err, vault.ErrKeysetMissing) && create && want == "" {
		v, err = createVault(files)
	}
	if err != nil {
		return nil, err
	}
	if want == "" && create {
		return v, db.Update(ctx, func(tx core.Tx) error { return tx.PutSetting(vaultIDSetting, v.ID()) })
	}
	if want != v.ID() {
		return nil, fmt.Errorf("%w: the store was sealed with key set %s, %s holds %s", vault.ErrMasterKeyWrong, want, c.KeysetFile, v.ID())
	}
	return v, nil
}

func vaultOptions(c config.Config) vault.Options {
	kms := transit.New(transit.Options{
		TokenFile: c.KMS.TokenFile, CAFile: c.KMS.CAFile, Namespace: c.KMS.Namespace, Timeout: c.KMS.Timeout,
	})
	return vault.Options{
		MasterKeyFile: c.MasterKeyFile, MasterKeyURI: c.MasterKeyURI, KeysetFile: c.KeysetFile,
		KMS: []registry.KMSClient{kms},
	}
}

// createVault makes a vault; of two processes that start at once the second
// opens what the first has made.
func createVault(files vault.Options) (*vault.Vault, error) {
	v, err := vault.Create(files)
	if errors.Is(err, vault.ErrExists) {
		return vault.Open(files)
	}
	return v, err
}

func vaultID(ctx context.Context, db core.Store) (id string, err error) {
	err = db.View(ctx, func(tx core.Tx) error {
		id, err = tx.Setting(vaultIDSetting)
		return err
	})
	if core.KindOf(err) == core.NotFound {
		return "", nil
	}
	return id, err
}

// SSHAddress is where people connect to, as the running server has published
// it: host:port.
func (l *Local) SSHAddress(ctx context.Context) (address string, err error) {
	err = l.Store.View(ctx, func(tx core.Tx) error {
		address, err = tx.Setting(sshAddressSetting)
		return err
	})
	if core.KindOf(err) == core.NotFound {
		return "", core.Errorf(core.Conflict, "no server has run on this store yet; start `keyrack serve` first")
	}
	return address, err
}
