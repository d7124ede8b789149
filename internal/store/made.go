package store

import (
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"keyrack/internal/core"
)

type madeRow struct {
	bun.BaseModel `bun:"table:made"`
	Key           digest
	Request       digest
	Object        uid
	At            instant
}

func (r madeRow) made() core.Made {
	return core.Made{Key: core.Digest(r.Key), Request: core.Digest(r.Request), Object: uuid.UUID(r.Object), At: r.At.Time}
}

func (t *tx) Made(key core.Digest) (core.Made, error) {
	return one(madeRow.made)(get[madeRow](t, "WHERE key = ?", key[:]))
}

// InsertMade asks for nothing to be done where the key is taken. PostgreSQL
// then waits for another transaction that takes it, and if that commits calls
// it a conflict, which has the update run again; a plain INSERT would fail for good.
func (t *tx) InsertMade(m core.Made) error {
	n, err := t.exec("INSERT INTO made (key, request, object, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
		m.Key[:], m.Request[:], m.Object, instant{m.At})
	if err == nil && n == 0 {
		err = t.fail(core.Errorf(core.Conflict, "already taken"))
	}
	return err
}

func (t *tx) DeleteMade(before time.Time) (int, error) {
	n, err := t.exec("DELETE FROM made WHERE at < ?", instant{before})
	return int(n), err
}
