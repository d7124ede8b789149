-- +goose Up
ALTER TABLE accounts ADD COLUMN first_name TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN last_name TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN locale TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN time_zone TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN no_mail INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN default_organization_id INTEGER REFERENCES organizations (id) ON DELETE SET NULL;
ALTER TABLE accounts ADD COLUMN default_location_id INTEGER REFERENCES locations (id) ON DELETE SET NULL;
ALTER TABLE accounts ADD COLUMN last_login_at INTEGER;
ALTER TABLE accounts ADD COLUMN rights TEXT NOT NULL DEFAULT '[]'; -- JSON

-- As core divides a name: at its first blank.
UPDATE accounts SET
    first_name = CASE WHEN instr(name, ' ') > 0 THEN substr(name, 1, instr(name, ' ') - 1) ELSE name END,
    last_name = CASE WHEN instr(name, ' ') > 0 THEN substr(name, instr(name, ' ') + 1) ELSE '' END;

CREATE INDEX accounts_first_name ON accounts (first_name);
CREATE INDEX accounts_default_organization ON accounts (default_organization_id);
CREATE INDEX accounts_default_location ON accounts (default_location_id);

CREATE TABLE account_roles (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    role_id    INTEGER NOT NULL,
    PRIMARY KEY (account_id, role_id)
) STRICT, WITHOUT ROWID;

ALTER TABLE tokens ADD COLUMN revoked_at INTEGER;
ALTER TABLE tokens ADD COLUMN updated_at INTEGER;
UPDATE tokens SET updated_at = created_at;

CREATE TABLE sign_ins (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    secret_hash BLOB NOT NULL UNIQUE,
    account_id  INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created_at  INTEGER NOT NULL,
    seen_at     INTEGER NOT NULL
) STRICT;

CREATE INDEX sign_ins_account ON sign_ins (account_id, id);
CREATE INDEX sign_ins_seen ON sign_ins (seen_at);
