package store

import (
	"keyrack/internal/core"
	"keyrack/internal/sshkey"
)

// LockSession and LockKeys write rows as they are: of two transactions on snapshots the one
// that comes later to a row that was written is run again, but not to one that
// was only locked.
func (t *tx) LockSession(id core.SessionID) error {
	return t.db.speaks.lock(t, "UPDATE sessions SET attempts = attempts WHERE id = ?", int64(id))
}

func (t *tx) LockKeys(f sshkey.SHA256) error {
	return t.db.speaks.lock(t, "UPDATE keys SET shared = shared WHERE sha256 = ?", f[:])
}

func (t *tx) Serial() bool { return !t.moving }

func (t *tx) ShareSessionByIdentifier(identifier string) error {
	return t.db.speaks.lock(t, "SELECT FROM sessions WHERE identifier = ? FOR SHARE", identifier)
}

func (t *tx) LockManagedKey(id core.ManagedKeyID) error {
	return t.db.speaks.lock(t, "SELECT FROM managed_keys WHERE id = ? FOR NO KEY UPDATE", int64(id))
}

// LockManagedKeyByIdentifier locks the identifier before the row: where there is
// no row, one that is made meanwhile would be found by what follows, unlocked.
func (t *tx) LockManagedKeyByIdentifier(identifier string) error {
	if err := t.db.speaks.lock(t, "SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", identifier); err != nil {
		return err
	}
	return t.db.speaks.lock(t, "SELECT FROM managed_keys WHERE identifier = ? FOR NO KEY UPDATE", identifier)
}
