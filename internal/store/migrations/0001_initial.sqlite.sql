-- +goose Up

-- Ids that are seen outside are never used again, even after a removal: AUTOINCREMENT.
-- Every index ends with the id by itself. Times are microseconds since 1970 in UTC; UUIDs their 16 bytes.

CREATE TABLE organizations (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid       BLOB NOT NULL UNIQUE,
    name       TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE locations (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid       BLOB NOT NULL UNIQUE,
    name       TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE accounts (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid          BLOB NOT NULL UNIQUE,
    short_id      TEXT NOT NULL UNIQUE,
    login         TEXT NOT NULL,
    name          TEXT NOT NULL,
    email         TEXT NOT NULL,
    admin         INTEGER NOT NULL,
    support       INTEGER NOT NULL,
    password_hash TEXT NOT NULL,
    disabled      INTEGER NOT NULL,
    expires_at    INTEGER,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX accounts_login ON accounts (lower(login));
CREATE INDEX accounts_email ON accounts (lower(email));

CREATE TABLE account_organizations (
    account_id      INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    organization_id INTEGER NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    PRIMARY KEY (account_id, organization_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX account_organizations_organization ON account_organizations (organization_id);

CREATE TABLE account_locations (
    account_id  INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    location_id INTEGER NOT NULL REFERENCES locations (id) ON DELETE CASCADE,
    PRIMARY KEY (account_id, location_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX account_locations_location ON account_locations (location_id);

CREATE TABLE projects (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid            BLOB NOT NULL UNIQUE,
    name            TEXT NOT NULL UNIQUE,
    organization_id INTEGER REFERENCES organizations (id),
    adopt           TEXT NOT NULL,
    prove_keys      INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) STRICT;

CREATE INDEX projects_organization ON projects (organization_id);

CREATE TABLE api_keys (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid        BLOB NOT NULL UNIQUE,
    project_id  INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    secret_hash BLOB NOT NULL UNIQUE,
    expires_at  INTEGER,
    created_at  INTEGER NOT NULL,
    UNIQUE (project_id, name)
) STRICT;

CREATE TABLE tokens (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid        BLOB NOT NULL UNIQUE,
    account_id  INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    use         TEXT NOT NULL,
    secret_hash BLOB NOT NULL,
    lifetime    INTEGER NOT NULL, -- nanoseconds
    expires_at  INTEGER,
    created_at  INTEGER NOT NULL,
    UNIQUE (secret_hash, use),
    UNIQUE (account_id, use, name)
) STRICT;

CREATE TABLE keys (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid       BLOB NOT NULL UNIQUE,
    short_id   TEXT NOT NULL UNIQUE,
    owner      INTEGER NOT NULL REFERENCES accounts (id),
    name       TEXT NOT NULL,
    text       TEXT NOT NULL,
    algorithm  TEXT NOT NULL,
    bits       INTEGER NOT NULL,
    blob       BLOB NOT NULL,
    md5        BLOB NOT NULL,
    sha256     BLOB NOT NULL,
    sha512     BLOB NOT NULL,
    shared     INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX keys_owner ON keys (owner);
CREATE INDEX keys_owner_name ON keys (owner, name);
CREATE INDEX keys_name ON keys (name);
CREATE INDEX keys_md5 ON keys (md5);
CREATE INDEX keys_sha256 ON keys (sha256);
CREATE INDEX keys_sha512 ON keys (sha512);
CREATE INDEX keys_created ON keys (created_at);
CREATE INDEX keys_updated ON keys (updated_at);

-- A revision holds all of its key and refers to nothing: it outlives the key.
CREATE TABLE revisions (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    key_id         INTEGER NOT NULL,
    key_uuid       BLOB NOT NULL,
    number         INTEGER NOT NULL,
    action         TEXT NOT NULL,
    short_id       TEXT NOT NULL,
    owner          INTEGER NOT NULL,
    name           TEXT NOT NULL,
    text           TEXT NOT NULL,
    blob           BLOB NOT NULL,
    shared         INTEGER NOT NULL,
    key_created_at INTEGER NOT NULL,
    key_updated_at INTEGER NOT NULL,
    actor_kind     INTEGER NOT NULL,
    actor_name     TEXT NOT NULL,
    account_id     INTEGER NOT NULL,
    comment        TEXT NOT NULL,
    at             INTEGER NOT NULL,
    UNIQUE (key_uuid, number)
) STRICT;

CREATE TABLE evidence (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    key_id         INTEGER NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
    grade          TEXT NOT NULL,
    at             INTEGER NOT NULL,
    address        TEXT NOT NULL,
    client_version TEXT NOT NULL,
    connection     BLOB
) STRICT;

CREATE INDEX evidence_key ON evidence (key_id, at);

CREATE TABLE sessions (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid             BLOB NOT NULL UNIQUE,
    project_id       INTEGER NOT NULL REFERENCES projects (id),
    kind             TEXT NOT NULL,
    identifier       TEXT NOT NULL UNIQUE,
    external_id      TEXT,
    status           TEXT NOT NULL,
    multi_key        INTEGER NOT NULL,
    multi_connection INTEGER NOT NULL,
    must_confirm     INTEGER NOT NULL,
    banner           TEXT,
    message          TEXT,
    expires_at       INTEGER,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL
) STRICT;

CREATE INDEX sessions_project_kind ON sessions (project_id, kind, created_at);
CREATE INDEX sessions_project ON sessions (project_id, created_at);
CREATE INDEX sessions_kind ON sessions (kind, created_at);
CREATE INDEX sessions_created ON sessions (created_at);

CREATE TABLE connections (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid           BLOB NOT NULL UNIQUE,
    session_id     INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    address        TEXT NOT NULL,
    client_version TEXT NOT NULL,
    created_at     INTEGER NOT NULL
) STRICT;

CREATE INDEX connections_session ON connections (session_id);

CREATE TABLE collected_keys (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid          BLOB NOT NULL UNIQUE,
    connection_id INTEGER NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    blob          BLOB NOT NULL,
    proven        INTEGER NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT;

CREATE INDEX collected_keys_connection ON collected_keys (connection_id);

-- The audit record refers to nothing either: it outlives all it tells of.
CREATE TABLE audit_events (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    actor_kind INTEGER NOT NULL,
    actor_name TEXT NOT NULL,
    account_id INTEGER NOT NULL,
    project_id INTEGER NOT NULL,
    action     TEXT NOT NULL,
    object     TEXT NOT NULL,
    face       TEXT NOT NULL,
    address    TEXT NOT NULL,
    outcome    TEXT NOT NULL,
    detail     TEXT NOT NULL
) STRICT;

CREATE INDEX audit_events_at ON audit_events (at);
CREATE INDEX audit_events_object ON audit_events (object);

CREATE TABLE devices (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid       BLOB NOT NULL UNIQUE,
    hostname   TEXT NOT NULL UNIQUE,
    address    TEXT NOT NULL,
    type       TEXT NOT NULL,
    vendor     TEXT NOT NULL,
    model      TEXT NOT NULL,
    site       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE applications (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid            BLOB NOT NULL UNIQUE,
    name            TEXT NOT NULL UNIQUE,
    organization_id INTEGER REFERENCES organizations (id),
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) STRICT;

CREATE INDEX applications_organization ON applications (organization_id);

CREATE TABLE authorizations (
    id                     INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid                   BLOB NOT NULL UNIQUE,
    application_id         INTEGER NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    name                   TEXT NOT NULL,
    permission             TEXT NOT NULL,
    resources              TEXT NOT NULL, -- JSON
    allowed_ips            TEXT NOT NULL, -- JSON
    oauth2_client_id       TEXT UNIQUE,
    oauth2_secret_hash     BLOB,
    oauth1_consumer_key    TEXT UNIQUE,
    oauth1_consumer_secret BLOB,
    oauth1_token           TEXT,
    oauth1_token_secret    BLOB,
    created_at             INTEGER NOT NULL,
    updated_at             INTEGER NOT NULL,
    UNIQUE (application_id, name)
) STRICT;

CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
