PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
INSERT INTO goose_db_version VALUES(1,0,1,'2026-01-02 03:04:05');
INSERT INTO goose_db_version VALUES(2,1,1,'2026-01-02 03:04:05');
CREATE TABLE organizations (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid       BLOB NOT NULL UNIQUE,
    name       TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
INSERT INTO organizations VALUES(1,X'01970000000070008000000000000001','acme',1767323045678901,1767323045678901);
CREATE TABLE locations (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid       BLOB NOT NULL UNIQUE,
    name       TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
INSERT INTO locations VALUES(1,X'01970000000070008000000000000002','berlin',1767323045678901,1767323045678901);
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
INSERT INTO accounts VALUES(1,X'01970000000070008000000000000003','adaadaad','Ada','Ada Example','ada@example.org',1,0,'',0,2082855845678901,1767323045678901,1767323045678901);
CREATE TABLE account_organizations (
    account_id      INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    organization_id INTEGER NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    PRIMARY KEY (account_id, organization_id)
) STRICT, WITHOUT ROWID;
INSERT INTO account_organizations VALUES(1,1);
CREATE TABLE account_locations (
    account_id  INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    location_id INTEGER NOT NULL REFERENCES locations (id) ON DELETE CASCADE,
    PRIMARY KEY (account_id, location_id)
) STRICT, WITHOUT ROWID;
INSERT INTO account_locations VALUES(1,1);
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
INSERT INTO projects VALUES(1,X'01970000000070008000000000000004','onboarding',1,'proven',1,1767323045678901,1767323045678901);
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
INSERT INTO api_keys VALUES(1,X'01970000000070008000000000000005',1,'ci',X'0500000000000000000000000000000000000000000000000000000000000000',NULL,1767323045678901);
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
INSERT INTO tokens VALUES(1,X'01970000000070008000000000000006',1,'sdk','waldur',X'0600000000000000000000000000000000000000000000000000000000000000',3600000000000,1767323045678901,1767323045678901);
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
INSERT INTO keys VALUES(1,X'01970000000070008000000000000007','keykeyke',1,'laptop','ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ ada@laptop','ssh-ed25519',256,X'0000000b7373682d65643235353139000000209743ef2dda2eae39e325817702d66e2794d5e6f3f7f72eeff4045e7f4e21e649',X'465d0f4b7b74b65fce80b033709e3396',X'4fb4af67672c96aa4f8fa9cace2b420471e5a55177af732f2f09852f47e4d081',X'9d542ab28b4a1b3a59400e147ce73ebeeb1561b1fab9c586253bfb49efec6bd5428076b6c992e3a2804b62882f075115375396aa3aa7dd354be88adf2ff88291',1,1767323045678901,1767323045678901);
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
INSERT INTO revisions VALUES(1,1,X'01970000000070008000000000000007',1,'added','keykeyke',1,'laptop','ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ ada@laptop',X'0000000b7373682d65643235353139000000209743ef2dda2eae39e325817702d66e2794d5e6f3f7f72eeff4045e7f4e21e649',1,1767323045678901,1767323045678901,3,'Ada',1,'first',1767323045678901);
CREATE TABLE evidence (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    key_id         INTEGER NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
    grade          TEXT NOT NULL,
    at             INTEGER NOT NULL,
    address        TEXT NOT NULL,
    client_version TEXT NOT NULL,
    connection     BLOB
) STRICT;
INSERT INTO evidence VALUES(1,1,'proven by login',1767323045678901,'2001:db8::7','SSH-2.0-OpenSSH_9.2',X'01970000000070008000000000000009');
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
INSERT INTO sessions VALUES(1,X'01970000000070008000000000000008',1,'collect','collect-ada','Welcome, Ünï','completed',1,0,0,'Welcome, Ünï',NULL,1767323045678901,1767323045678901,1767323045678901);
CREATE TABLE connections (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid           BLOB NOT NULL UNIQUE,
    session_id     INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    address        TEXT NOT NULL,
    client_version TEXT NOT NULL,
    created_at     INTEGER NOT NULL
) STRICT;
INSERT INTO connections VALUES(1,X'01970000000070008000000000000009',1,'2001:db8::7','SSH-2.0-OpenSSH_9.2',1767323045678901);
CREATE TABLE collected_keys (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid          BLOB NOT NULL UNIQUE,
    connection_id INTEGER NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    blob          BLOB NOT NULL,
    proven        INTEGER NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT;
INSERT INTO collected_keys VALUES(1,X'01970000000070008000000000000010',1,X'0000000b7373682d65643235353139000000209743ef2dda2eae39e325817702d66e2794d5e6f3f7f72eeff4045e7f4e21e649',1,1767323045678901);
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
INSERT INTO audit_events VALUES(1,1767323045678901,3,'Ada',1,0,'key.added','key 01970000-0000-7000-8000-000000000007','native','192.0.2.7','done','');
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
INSERT INTO devices VALUES(1,X'01970000000070008000000000000011','w2016','10.0.0.5','Server','Debian','Debian 12','AWS',1767323045678901,1767323045678901);
CREATE TABLE applications (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid            BLOB NOT NULL UNIQUE,
    name            TEXT NOT NULL UNIQUE,
    organization_id INTEGER REFERENCES organizations (id),
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) STRICT;
INSERT INTO applications VALUES(1,X'01970000000070008000000000000012','deploy',1,1767323045678901,1767323045678901);
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
INSERT INTO authorizations VALUES(1,X'01970000000070008000000000000013',1,'ci','read-write','["pam-core"]','["*"]','client',X'0d00000000000000000000000000000000000000000000000000000000000000','consumer',X'0100ff','token',X'02',1767323045678901,1767323045678901);
CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO settings VALUES('face.waldur','{"min_rsa_bits": 2048}');
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('goose_db_version',2);
INSERT INTO sqlite_sequence VALUES('organizations',1);
INSERT INTO sqlite_sequence VALUES('locations',1);
INSERT INTO sqlite_sequence VALUES('accounts',1);
INSERT INTO sqlite_sequence VALUES('projects',1);
INSERT INTO sqlite_sequence VALUES('api_keys',1);
INSERT INTO sqlite_sequence VALUES('tokens',1);
INSERT INTO sqlite_sequence VALUES('keys',1);
INSERT INTO sqlite_sequence VALUES('revisions',1);
INSERT INTO sqlite_sequence VALUES('evidence',1);
INSERT INTO sqlite_sequence VALUES('audit_events',1);
INSERT INTO sqlite_sequence VALUES('sessions',1);
INSERT INTO sqlite_sequence VALUES('connections',1);
INSERT INTO sqlite_sequence VALUES('collected_keys',1);
INSERT INTO sqlite_sequence VALUES('devices',1);
INSERT INTO sqlite_sequence VALUES('applications',1);
INSERT INTO sqlite_sequence VALUES('authorizations',1);
CREATE UNIQUE INDEX accounts_login ON accounts (lower(login));
CREATE INDEX accounts_email ON accounts (lower(email));
CREATE INDEX account_organizations_organization ON account_organizations (organization_id);
CREATE INDEX account_locations_location ON account_locations (location_id);
CREATE INDEX projects_organization ON projects (organization_id);
CREATE INDEX keys_owner ON keys (owner);
CREATE INDEX keys_owner_name ON keys (owner, name);
CREATE INDEX keys_name ON keys (name);
CREATE INDEX keys_md5 ON keys (md5);
CREATE INDEX keys_sha256 ON keys (sha256);
CREATE INDEX keys_sha512 ON keys (sha512);
CREATE INDEX keys_created ON keys (created_at);
CREATE INDEX keys_updated ON keys (updated_at);
CREATE INDEX evidence_key ON evidence (key_id, at);
CREATE INDEX sessions_project_kind ON sessions (project_id, kind, created_at);
CREATE INDEX sessions_project ON sessions (project_id, created_at);
CREATE INDEX sessions_kind ON sessions (kind, created_at);
CREATE INDEX sessions_created ON sessions (created_at);
CREATE INDEX connections_session ON connections (session_id);
CREATE INDEX collected_keys_connection ON collected_keys (connection_id);
CREATE INDEX audit_events_at ON audit_events (at);
CREATE INDEX audit_events_object ON audit_events (object);
CREATE INDEX applications_organization ON applications (organization_id);
COMMIT;
