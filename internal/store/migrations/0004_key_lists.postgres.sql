-- +goose Up
-- When a token was last used, from which its lifetime counts; and the sealed
-- secret of a token that is given out again.
ALTER TABLE tokens ADD COLUMN used_at timestamptz NOT NULL DEFAULT 'epoch';
UPDATE tokens SET used_at = created_at;
ALTER TABLE tokens ADD COLUMN sealed bytea;

-- The name as it is searched: without letter case. Names that are written from
-- now on are folded by the program.
ALTER TABLE keys ADD COLUMN folded text COLLATE "C" NOT NULL DEFAULT '';
UPDATE keys SET folded = lower(name COLLATE "default");

-- All that a list of keys is filtered by, in the order it is listed in: a page
-- comes from the index alone, and only its own rows are read. Twice, since keys
-- of one name stand in the order of their ids in both directions.
DROP INDEX keys_name;
CREATE INDEX keys_name ON keys (name, id) INCLUDE (folded, owner, shared, created_at, updated_at);
CREATE INDEX keys_name_down ON keys (name DESC, id) INCLUDE (folded, owner, shared, created_at, updated_at);
CREATE INDEX keys_shared ON keys (owner) WHERE shared;

-- Parts of names. The extension comes with PostgreSQL and is trusted: whoever
-- may create in the database may install it. Without fastupdate a new key waits
-- for no list of pending ones to be worked off, and takes no lock on all of it.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE INDEX keys_folded ON keys USING gin (folded gin_trgm_ops) WITH (fastupdate = off);

-- The history of a key from its end, and its state at a time.
CREATE INDEX revisions_key_at ON revisions (key_uuid, at, number);
