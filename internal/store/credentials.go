package store

import (
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"keyrack/internal/core"
)

type apiKeyRow struct {
	bun.BaseModel `bun:"table:api_keys"`
	ID            int64 `bun:",pk"`
	UUID          uid   `bun:"uuid"`
	ProjectID     int64
	Name          string
	SecretHash    digest
	ExpiresAt     instant `bun:",nullzero"`
	CreatedAt     instant
}

func apiKeyRowOf(k core.APIKey) apiKeyRow {
	return apiKeyRow{
		ID: int64(k.ID), UUID: uid(k.UUID), ProjectID: int64(k.Project), Name: k.Name,
		SecretHash: digest(k.SecretHash), ExpiresAt: instant{k.ExpiresAt}, CreatedAt: instant{k.CreatedAt},
	}
}

func (r apiKeyRow) apiKey() core.APIKey {
	return core.APIKey{
		ID: core.APIKeyID(r.ID), UUID: uuid.UUID(r.UUID), Project: core.ProjectID(r.ProjectID), Name: r.Name,
		SecretHash: core.SecretHash(r.SecretHash), ExpiresAt: r.ExpiresAt.Time, CreatedAt: r.CreatedAt.Time,
	}
}

func (t *tx) APIKeyByHash(h core.SecretHash) (core.APIKey, error) {
	return one(apiKeyRow.apiKey)(get[apiKeyRow](t, "WHERE secret_hash = ?", h[:]))
}

func (t *tx) APIKeys(project core.ProjectID) ([]core.APIKey, error) {
	return all(apiKeyRow.apiKey)(list[apiKeyRow](t, "WHERE project_id = ? ORDER BY name", int64(project)))
}

func (t *tx) InsertAPIKey(k core.APIKey) (core.APIKeyID, error) {
	id, err := insert(t, apiKeyRowOf(k))
	return core.APIKeyID(id), err
}

func (t *tx) UpdateAPIKey(k core.APIKey) error { return update(t, apiKeyRowOf(k)) }

func (t *tx) DeleteAPIKey(id core.APIKeyID) error {
	return t.change("DELETE FROM api_keys WHERE id = ?", int64(id))
}

type tokenRow struct {
	bun.BaseModel `bun:"table:tokens"`
	ID            int64 `bun:",pk"`
	UUID          uid   `bun:"uuid"`
	AccountID     int64
	Name          string
	Use           string
	SecretHash    digest
	Lifetime      int64   // nanoseconds
	ExpiresAt     instant `bun:",nullzero"`
	CreatedAt     instant
	UsedAt        instant
	Sealed        []byte  `bun:",nullzero"`
	UpdatedAt     instant `bun:",nullzero"`
	RevokedAt     instant `bun:",nullzero"`
}

func tokenRowOf(k core.Token) tokenRow {
	return tokenRow{
		ID: int64(k.ID), UUID: uid(k.UUID), AccountID: int64(k.Account), Name: k.Name, Use: string(k.Use),
		SecretHash: digest(k.SecretHash), Lifetime: int64(k.Lifetime), ExpiresAt: instant{k.ExpiresAt}, CreatedAt: instant{k.CreatedAt},
		UsedAt: instant{k.UsedAt}, Sealed: k.Sealed,
		UpdatedAt: instant{k.UpdatedAt}, RevokedAt: instant{k.RevokedAt},
	}
}

func (r tokenRow) token() core.Token {
	return core.Token{
		ID: core.TokenID(r.ID), UUID: uuid.UUID(r.UUID), Account: core.AccountID(r.AccountID), Name: r.Name, Use: core.TokenUse(r.Use),
		SecretHash: core.SecretHash(r.SecretHash), Lifetime: time.Duration(r.Lifetime), ExpiresAt: r.ExpiresAt.Time, CreatedAt: r.CreatedAt.Time,
		UsedAt: r.UsedAt.Time, Sealed: r.Sealed,
		UpdatedAt: r.UpdatedAt.Time, RevokedAt: r.RevokedAt.Time,
	}
}

func (t *tx) TokenByHash(use core.TokenUse, h core.SecretHash) (core.Token, error) {
	return one(tokenRow.token)(get[tokenRow](t, "WHERE secret_hash = ? AND use = ?", h[:], string(use)))
}

func (t *tx) Bearer(use core.TokenUse, h core.SecretHash) (core.Token, core.Holder, error) {
	token, holder, err := getBoth[tokenRow, holderRow](t,
		"ON accounts.id = tokens.account_id WHERE secret_hash = ? AND use = ?", h[:], string(use))
	if err != nil {
		return core.Token{}, core.Holder{}, err
	}
	return token.token(), holder.holder(), nil
}

func (t *tx) Token(id core.TokenID) (core.Token, error) {
	return one(tokenRow.token)(get[tokenRow](t, "WHERE id = ?", int64(id)))
}

func (t *tx) Tokens(account core.AccountID) ([]core.Token, error) {
	return all(tokenRow.token)(list[tokenRow](t, "WHERE account_id = ? ORDER BY use, name", int64(account)))
}

func (t *tx) InsertToken(k core.Token) (core.TokenID, error) {
	id, err := insert(t, tokenRowOf(k))
	return core.TokenID(id), err
}

func (t *tx) UpdateToken(k core.Token) error { return update(t, tokenRowOf(k)) }

func (t *tx) DeleteToken(id core.TokenID) error {
	return t.change("DELETE FROM tokens WHERE id = ?", int64(id))
}

func (t *tx) SetTokenUsed(id core.TokenID, at time.Time) error {
	return t.change("UPDATE tokens SET used_at = ? WHERE id = ?", instant{at}, int64(id))
}
