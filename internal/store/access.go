package store

import (
	"time"

	"github.com/uptrace/bun"

	"keyrack/internal/core"
)

type accessTokenRow struct {
	bun.BaseModel   `bun:"table:access_tokens"`
	ID              int64 `bun:",pk"`
	AuthorizationID int64
	SecretHash      digest
	ExpiresAt       instant
	CreatedAt       instant
}

func (r accessTokenRow) accessToken() core.AccessToken {
	return core.AccessToken{
		Authorization: core.AuthorizationID(r.AuthorizationID), SecretHash: core.SecretHash(r.SecretHash),
		ExpiresAt: r.ExpiresAt.Time, CreatedAt: r.CreatedAt.Time,
	}
}

func (t *tx) AccessTokenByHash(h core.SecretHash) (core.AccessToken, error) {
	return one(accessTokenRow.accessToken)(get[accessTokenRow](t, "WHERE secret_hash = ?", h[:]))
}

func (t *tx) InsertAccessToken(a core.AccessToken) error {
	_, err := insert(t, accessTokenRow{
		AuthorizationID: int64(a.Authorization), SecretHash: digest(a.SecretHash),
		ExpiresAt: instant{a.ExpiresAt}, CreatedAt: instant{a.CreatedAt},
	})
	return err
}

func (t *tx) DeleteAccessTokens(of core.AuthorizationID) error {
	_, err := t.exec("DELETE FROM access_tokens WHERE authorization_id = ?", int64(of))
	return err
}

func (t *tx) NonceUsed(key [32]byte) (bool, error) {
	n, err := t.count("SELECT count(*) FROM nonces WHERE key = ?", key[:])
	return n > 0, err
}

func (t *tx) InsertNonce(key [32]byte, until time.Time) error {
	_, err := t.exec("INSERT INTO nonces (key, expires_at) VALUES (?, ?)", key[:], instant{until})
	return err
}

func (t *tx) PruneAccess(before time.Time, limit int) (int, error) {
	tokens, err := t.exec("DELETE FROM access_tokens WHERE id IN (SELECT id FROM access_tokens WHERE expires_at < ? ORDER BY expires_at LIMIT ?)",
		instant{before}, limit)
	if err != nil {
		return 0, err
	}
	nonces, err := t.exec("DELETE FROM nonces WHERE key IN (SELECT key FROM nonces WHERE expires_at < ? ORDER BY expires_at LIMIT ?)",
		instant{before}, limit)
	return int(tokens + nonces), err
}
