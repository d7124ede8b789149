package server

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/gofrs/flock"

	"keyrack/internal/config"
)

// ErrLocked is the error of a data directory that another server uses.
var ErrLocked = errors.New("another server uses this data directory")

// lockDataDir keeps a second server out of a data directory with an embedded
// store. Commands that work on the store do not take this lock.
func lockDataDir(c config.Config) (unlock func() error, err error) {
	if databasePath(c) == "" {
		return func() error { return nil }, nil
	}
	lock := flock.New(filepath.Join(c.DataDir, "serve.lock"), flock.SetPermissions(0o600))
	got, err := lock.TryLock()
	switch {
	case err != nil:
		return nil, fmt.Errorf("lock data directory: %w", err)
	case !got:
		return nil, fmt.Errorf("%w: %s", ErrLocked, c.DataDir)
	}
	return lock.Unlock, nil
}
