-- +goose Up
ALTER TABLE applications ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0;

ALTER TABLE authorizations ADD COLUMN referers TEXT NOT NULL DEFAULT '[]'; -- JSON, as the lists below
ALTER TABLE authorizations ADD COLUMN certificate TEXT NOT NULL DEFAULT '';
ALTER TABLE authorizations ADD COLUMN keys TEXT NOT NULL DEFAULT '[]';
ALTER TABLE authorizations ADD COLUMN devices TEXT NOT NULL DEFAULT '[]';
ALTER TABLE authorizations ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE authorizations ADD COLUMN expires_at INTEGER;

CREATE TABLE access_tokens (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    authorization_id INTEGER NOT NULL REFERENCES authorizations (id) ON DELETE CASCADE,
    secret_hash      BLOB NOT NULL UNIQUE,
    expires_at       INTEGER NOT NULL,
    created_at       INTEGER NOT NULL
) STRICT;

CREATE INDEX access_tokens_authorization ON access_tokens (authorization_id);
CREATE INDEX access_tokens_expires ON access_tokens (expires_at);

CREATE TABLE nonces (
    key        BLOB NOT NULL PRIMARY KEY, -- a SHA-256 sum
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX nonces_expires ON nonces (expires_at);
