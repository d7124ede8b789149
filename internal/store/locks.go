package store

import "keyrack/internal/core"

// LockSession writes the row as it is: of two transactions on snapshots the one
// that comes later to a row that was written is run again, but not to one that
// was only locked.
func (t *tx) LockSession(id core.SessionID) error {
	return t.db.speaks.lock(t, "UPDATE sessions SET attempts = attempts WHERE id = ?", int64(id))
}

func (t *tx) Serial() bool { return !t.moving }

func (t *tx) ShareSessionByIdentifier(identifier string) error {
	return t.db.speaks.lock(t, "SELECT FROM sessions WHERE identifier = ? FOR SHARE", identifier)
}

func (t *tx) LockManagedKey(id core.ManagedKeyID) error {
	return t.db.speaks.lock(t, "SELECT FROM managed_keys WHERE id = ? FOR NO KEY UPDATE", int64(id))
}

func (t *tx) LockManagedKeyByIdentifier(identifier string) error {
	return t.db.speaks.lock(t, "SELECT FROM managed_keys WHERE identifier = ? FOR NO KEY UPDATE", identifier)
}
