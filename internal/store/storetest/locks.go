package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"keyrack/internal/core"
)

// testLocks has many count in one session and one managed key, by updates that
// lock the row and by those that do not: no count is lost.
func testLocks(t *testing.T, s core.Store) {
	var session core.Session
	var key core.ManagedKey
	update(t, s, func(tx core.Tx) (err error) {
		if session, err = sessionOfNewProject(t, tx); err != nil {
			return err
		}
		key, err = newManagedKey(t, tx)
		return err
	})
	ctx := inBackground(t)
	ways := map[string]func(context.Context, func(core.Tx) error) error{"Update": s.Update, "UpdateLocked": s.UpdateLocked}
	eachWorker(t, func(worker int) error {
		for range rounds {
			for name, run := range ways {
				if err := run(ctx, func(tx core.Tx) error { return countBoth(tx, session.ID, key) }); err != nil {
					return fmt.Errorf("worker %d: %s: %w", worker, name, err)
				}
			}
		}
		return nil
	})
	want := workers * rounds * len(ways)
	got := found(t, s, func(tx core.Tx) (core.Session, error) { return tx.Session(session.ID) })
	if n := got.Attempts - session.Attempts; n != want {
		t.Errorf("%d counted in the session, want %d", n, want)
	}
	counted := found(t, s, func(tx core.Tx) (core.ManagedKey, error) { return tx.ManagedKey(key.ID) })
	if n := counted.Version - key.Version; n != want {
		t.Errorf("%d counted in the managed key, want %d", n, want)
	}
}

// testEvidenceGoes removes keys while others find them and add evidence, by
// updates of either sort: of a key that is gone none
// stays.
func testEvidenceGoes(t *testing.T, s core.Store) {
	keys := make([]core.Key, 4*rounds)
	update(t, s, func(tx core.Tx) error {
		owner, err := newAccount(t, tx)
		for i := range keys {
			if err == nil {
				keys[i], err = newKey(t, tx, owner.ID)
			}
		}
		return err
	})
	ctx := inBackground(t)
	ways := []func(k core.Key) error{
		func(k core.Key) error {
			return ignoreAbsent(s.Update(ctx, func(tx core.Tx) error { return tx.DeleteKey(k.ID) }))
		},
		func(k core.Key) error {
			return s.Update(ctx, func(tx core.Tx) error { return addEvidence(tx, k) })
		},
		func(k core.Key) error {
			return s.UpdateLocked(ctx, func(tx core.Tx) error { return addEvidence(tx, k) })
		},
	}
	eachWorker(t, func(worker int) error {
		for _, k := range keys {
			if err := ways[worker%len(ways)](k); err != nil {
				return fmt.Errorf("worker %d: %w", worker, err)
			}
		}
		return nil
	})
	view(t, s, func(tx core.Tx) error {
		for _, k := range keys {
			if err := empty(tx.EvidenceOf(k.ID)); err != nil {
				return fmt.Errorf("of a key that is gone: %w", err)
			}
		}
		return nil
	})
}

// addEvidence adds evidence to a key, if it is there.
func addEvidence(tx core.Tx, k core.Key) error {
	if err := tx.LockKeys(k.Public.SHA256()); err != nil {
		return err
	}
	found, err := tx.KeysByFingerprint(k.Public.SHA256())
	if err != nil || len(found) == 0 {
		return err
	}
	return tx.InsertEvidence(core.Evidence{Key: k.ID, Grade: core.Offered, At: now()})
}

func ignoreAbsent(err error) error {
	if core.KindOf(err) == core.NotFound {
		return nil
	}
	return err
}

// testClaims has many make one managed key where there is none, and count in it
// where there is: one makes it, and no count is lost.
func testClaims(t *testing.T, s core.Store) {
	k := sample[core.ManagedKey](t)
	k.ID, k.Creator, k.Additional = 0, 0, nil
	update(t, s, func(tx core.Tx) (err error) {
		k.Device, err = newDevice(t, tx)
		return err
	})
	claim := func(tx core.Tx) error {
		if err := tx.LockManagedKeyByIdentifier(k.Identifier); err != nil {
			return err
		}
		found, err := tx.ManagedKeyByIdentifier(k.Identifier)
		if core.KindOf(err) == core.NotFound {
			_, err := tx.InsertManagedKey(k)
			return err
		}
		found.Version++
		return errors.Join(err, tx.UpdateManagedKey(found))
	}
	ctx := inBackground(t)
	eachWorker(t, func(worker int) error {
		if err := s.UpdateLocked(ctx, claim); err != nil {
			return fmt.Errorf("worker %d: %w", worker, err)
		}
		return nil
	})
	got := found(t, s, func(tx core.Tx) (core.ManagedKey, error) { return tx.ManagedKeyByIdentifier(k.Identifier) })
	if n := got.Version - k.Version; n != workers-1 {
		t.Errorf("%d counted in the key, want %d", n, workers-1)
	}
}

// testSessionState wants the state of a session written, and nothing else of it.
func testSessionState(t *testing.T, s core.Store) {
	var before core.Session
	update(t, s, func(tx core.Tx) (err error) {
		before, err = sessionOfNewProject(t, tx)
		return err
	})
	for _, verified := range []time.Time{now(), {}} {
		want := before
		want.Status, want.Attempts, want.VerifiedAt, want.UpdatedAt = core.SessionVerified, before.Attempts+3, verified, now()
		given := want
		given.Identifier, given.MaxAttempts, given.Project = "other", 99, 0
		update(t, s, func(tx core.Tx) error { return tx.UpdateSessionState(given) })
		got := found(t, s, func(tx core.Tx) (core.Session, error) { return tx.Session(before.ID) })
		if d := diff(want, got); d != "" {
			t.Errorf("session after UpdateSessionState (-want +got):\n%s", d)
		}
	}
}

func countBoth(tx core.Tx, id core.SessionID, key core.ManagedKey) error {
	if err := tx.LockSession(id); err != nil {
		return err
	}
	found, err := tx.Visited(id)
	if err != nil || found.Project.ID != found.Session.Project {
		return errors.Join(err, fmt.Errorf("project %d of a session in %d", found.Project.ID, found.Session.Project))
	}
	found.Session.Attempts++
	if err := tx.UpdateSession(found.Session); err != nil {
		return err
	}
	if found.Session.Attempts%2 == 0 {
		err = tx.LockManagedKey(key.ID)
	} else {
		err = tx.LockManagedKeyByIdentifier(key.Identifier)
	}
	if err != nil {
		return err
	}
	if key, err = tx.ManagedKey(key.ID); err != nil {
		return err
	}
	key.Version++
	return tx.UpdateManagedKey(key)
}
