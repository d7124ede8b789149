-- +goose Up

-- What logins were given: a row for each token that still counts.
CREATE TABLE tickets (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid        BLOB NOT NULL UNIQUE,
    account_id  INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    by_token    INTEGER NOT NULL,
    credential  BLOB NOT NULL, -- digest of the password's hash or of the token
    first_at    INTEGER NOT NULL,
    issued_at   INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    replaced_at INTEGER,
    successor   BLOB
) STRICT;

CREATE INDEX tickets_account ON tickets (account_id);
CREATE INDEX tickets_expiry ON tickets (expires_at);

CREATE TABLE signing_keys (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid       BLOB NOT NULL UNIQUE,
    sealed     BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    retired_at INTEGER
) STRICT;

CREATE TABLE second_factors (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id   INTEGER NOT NULL UNIQUE REFERENCES accounts (id) ON DELETE CASCADE,
    sealed       BLOB NOT NULL,
    last_step    INTEGER NOT NULL, -- of 30 seconds since 1970; its code was used
    confirmed_at INTEGER,
    created_at   INTEGER NOT NULL
) STRICT;
