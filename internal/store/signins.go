package store

import (
	"time"

	"github.com/uptrace/bun"

	"keyrack/internal/core"
)

type signInRow struct {
	bun.BaseModel `bun:"table:sign_ins"`
	ID            int64 `bun:",pk"`
	SecretHash    digest
	AccountID     int64
	CreatedAt     instant
	SeenAt        instant
	TokenHash     digest `bun:",nullzero"`
}

func (r signInRow) signIn() core.SignIn {
	return core.SignIn{
		ID: core.SignInID(r.ID), SecretHash: core.SecretHash(r.SecretHash), Account: core.AccountID(r.AccountID),
		CreatedAt: r.CreatedAt.Time, SeenAt: r.SeenAt.Time, Token: core.SecretHash(r.TokenHash),
	}
}

func (t *tx) SignInByHash(h core.SecretHash) (core.SignIn, error) {
	return one(signInRow.signIn)(get[signInRow](t, "WHERE secret_hash = ?", h[:]))
}

func (t *tx) InsertSignIn(s core.SignIn) (core.SignInID, error) {
	id, err := insert(t, signInRow{
		ID: int64(s.ID), SecretHash: digest(s.SecretHash), AccountID: int64(s.Account),
		CreatedAt: instant{s.CreatedAt}, SeenAt: instant{s.SeenAt}, TokenHash: digest(s.Token),
	})
	return core.SignInID(id), err
}

func (t *tx) SetSignInSeen(id core.SignInID, at time.Time) error {
	return t.change("UPDATE sign_ins SET seen_at = ? WHERE id = ?", instant{at}, int64(id))
}

func (t *tx) DeleteSignIns(of core.AccountID, keep int) error {
	_, err := t.exec("DELETE FROM sign_ins WHERE account_id = ? AND id NOT IN (SELECT id FROM sign_ins WHERE account_id = ? ORDER BY id DESC LIMIT ?)",
		int64(of), int64(of), keep)
	return err
}

func (t *tx) DeleteSignInsSeenBefore(moment time.Time) error {
	_, err := t.exec("DELETE FROM sign_ins WHERE seen_at < ?", instant{moment})
	return err
}
