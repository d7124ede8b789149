-- +goose Up
ALTER TABLE sessions ADD COLUMN match_all_keys INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN max_attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN verified_at INTEGER;

-- What the sweeper asks for: pending sessions whose time is up.
CREATE INDEX sessions_expiry ON sessions (expires_at) WHERE status = 'pending';

CREATE TABLE wanted_keys (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid        BLOB NOT NULL UNIQUE,
    session_id  INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    name        TEXT,
    external_id TEXT,
    blob        BLOB NOT NULL,
    verified_at INTEGER
) STRICT;

CREATE INDEX wanted_keys_session ON wanted_keys (session_id, id);

ALTER TABLE collected_keys ADD COLUMN wanted_id INTEGER REFERENCES wanted_keys (id) ON DELETE SET NULL;
CREATE INDEX collected_keys_wanted ON collected_keys (wanted_id);

ALTER TABLE projects ADD COLUMN webhook_secret BLOB;

CREATE TABLE webhooks (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid               BLOB NOT NULL UNIQUE,
    session_id         INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    url                TEXT NOT NULL,
    method             TEXT NOT NULL,
    events             TEXT NOT NULL, -- JSON
    headers            BLOB NOT NULL, -- sealed
    retries            INTEGER NOT NULL,
    initial_backoff    INTEGER NOT NULL,
    backoff_multiplier REAL NOT NULL,
    disabled           INTEGER NOT NULL,
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL
) STRICT;

CREATE INDEX webhooks_session ON webhooks (session_id, id);

CREATE TABLE deliveries (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid         BLOB NOT NULL UNIQUE,
    webhook_id   INTEGER NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    project_id   INTEGER NOT NULL REFERENCES projects (id),
    receiver     TEXT NOT NULL, -- host and port
    event        TEXT NOT NULL, -- JSON
    state        TEXT NOT NULL,
    attempts     INTEGER NOT NULL,
    next_at      INTEGER NOT NULL,
    leased_until INTEGER NOT NULL, -- before now: nobody's
    created_at   INTEGER NOT NULL
) STRICT;

CREATE INDEX deliveries_due ON deliveries (next_at, id) WHERE state = 'pending';
CREATE INDEX deliveries_webhook ON deliveries (webhook_id, id) WHERE state = 'pending';
-- Those that are with a server now: few, out of many that wait.
CREATE INDEX deliveries_leased ON deliveries (leased_until, receiver) WHERE state = 'pending';
CREATE INDEX deliveries_of_webhook ON deliveries (webhook_id);
CREATE INDEX deliveries_project ON deliveries (project_id, id);
CREATE INDEX deliveries_created ON deliveries (created_at);

CREATE TABLE delivery_attempts (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    delivery_id INTEGER NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    number      INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    status      INTEGER NOT NULL,
    body_start  TEXT NOT NULL,
    reason      TEXT NOT NULL,
    UNIQUE (delivery_id, number)
) STRICT;
