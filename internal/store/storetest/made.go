package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/core"
)

func testMade(t *testing.T, s core.Store) {
	first, second := sample[core.Made](t), sample[core.Made](t)
	first.Key, second.Key = core.Digest(randomBytes(32)), core.Digest(randomBytes(32))
	second.At = first.At.Add(time.Hour)
	update(t, s, func(tx core.Tx) error { return errors.Join(tx.InsertMade(first), tx.InsertMade(second)) })
	for _, want := range []core.Made{first, second} {
		if d := diff(want, found(t, s, func(tx core.Tx) (core.Made, error) { return tx.Made(want.Key) })); d != "" {
			t.Errorf("came back changed (-stored +read):\n%s", d)
		}
	}
	err := s.Update(t.Context(), func(tx core.Tx) error { return tx.InsertMade(first) })
	wantKind(t, "taken key", err, core.Conflict)
	update(t, s, func(tx core.Tx) error {
		n, err := tx.DeleteMade(second.At)
		return errors.Join(err, same("DeleteMade", n, 1), same("what is left", found(t, s, func(tx core.Tx) (core.Made, error) {
			return tx.Made(second.Key)
		}).Object, second.Object))
	})
	view(t, s, func(tx core.Tx) error {
		wantKind(t, "what was deleted", fails(tx.Made(first.Key)), core.NotFound)
		return nil
	})
	testMadeAtOnce(t, s)
}

// testMadeAtOnce lets many look for a key and take it where it is free: one
// does, the others find what he made.
func testMadeAtOnce(t *testing.T, s core.Store) {
	ctx := inBackground(t)
	for round := range rounds {
		key := core.Digest{byte(round), 1}
		made := make([]uuid.UUID, workers)
		eachWorker(t, func(worker int) error {
			err := s.Update(ctx, func(tx core.Tx) error {
				m, err := tx.Made(key)
				if core.KindOf(err) == core.NotFound {
					m = core.Made{Key: key, Object: uuid.New(), At: now()}
					err = tx.InsertMade(m)
				}
				made[worker] = m.Object
				return err
			})
			if err != nil {
				return fmt.Errorf("worker %d: %w", worker, err)
			}
			return nil
		})
		for worker, object := range made {
			if object != made[0] {
				t.Errorf("worker %d made %v, worker 0 %v; want one object", worker, object, made[0])
			}
		}
	}
}
