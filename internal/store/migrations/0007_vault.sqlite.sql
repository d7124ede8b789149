-- +goose Up
ALTER TABLE devices ADD COLUMN organization_id INTEGER REFERENCES organizations (id);
ALTER TABLE devices ADD COLUMN domains TEXT NOT NULL DEFAULT '[]'; -- JSON, as the lists below
ALTER TABLE devices ADD COLUMN connectivities TEXT NOT NULL DEFAULT '[]';
ALTER TABLE devices ADD COLUMN remote_config TEXT NOT NULL DEFAULT '';
ALTER TABLE devices ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE devices ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0;

CREATE INDEX devices_organization ON devices (organization_id);

CREATE TABLE managed_keys (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid           BLOB NOT NULL UNIQUE,
    kind           TEXT NOT NULL,
    identifier     TEXT NOT NULL UNIQUE,
    username       TEXT NOT NULL,
    name           TEXT NOT NULL,
    device_id      INTEGER NOT NULL REFERENCES devices (id),
    tags           TEXT NOT NULL, -- JSON
    disabled       INTEGER NOT NULL,
    version        INTEGER NOT NULL,
    application_id INTEGER REFERENCES applications (id),
    viewed_at      INTEGER,
    expires_at     INTEGER,
    changed_at     INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL
) STRICT;

CREATE INDEX managed_keys_device ON managed_keys (device_id);
CREATE INDEX managed_keys_application ON managed_keys (application_id);

CREATE TABLE managed_key_devices (
    key_id    INTEGER NOT NULL REFERENCES managed_keys (id) ON DELETE CASCADE,
    device_id INTEGER NOT NULL REFERENCES devices (id),
    PRIMARY KEY (key_id, device_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX managed_key_devices_device ON managed_key_devices (device_id);

CREATE TABLE managed_key_versions (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    key_id      INTEGER NOT NULL REFERENCES managed_keys (id) ON DELETE CASCADE,
    number      INTEGER NOT NULL,
    public_key  TEXT NOT NULL,
    private_key BLOB NOT NULL, -- sealed
    passphrase  BLOB,          -- sealed
    actor_kind  INTEGER NOT NULL,
    actor_name  TEXT NOT NULL,
    at          INTEGER NOT NULL,
    UNIQUE (key_id, number)
) STRICT;

CREATE TABLE custodies (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    key_id INTEGER NOT NULL REFERENCES managed_keys (id) ON DELETE CASCADE,
    holder TEXT NOT NULL,
    since  INTEGER NOT NULL,
    until  INTEGER,
    UNIQUE (key_id, holder)
) STRICT;

CREATE TABLE policies (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid       BLOB NOT NULL UNIQUE,
    name       TEXT NOT NULL UNIQUE,
    priority   INTEGER NOT NULL,
    disabled   INTEGER NOT NULL,
    view_time  INTEGER NOT NULL, -- nanoseconds
    max_age    INTEGER NOT NULL, -- nanoseconds
    exclusive  INTEGER NOT NULL,
    hostnames  TEXT NOT NULL, -- JSON, as the others
    types      TEXT NOT NULL,
    models     TEXT NOT NULL,
    sites      TEXT NOT NULL,
    tags       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
