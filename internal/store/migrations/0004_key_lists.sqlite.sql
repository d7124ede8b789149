-- +goose Up
-- When a token was last used, from which its lifetime counts; and the sealed
-- secret of a token that is given out again.
ALTER TABLE tokens ADD COLUMN used_at INTEGER NOT NULL DEFAULT 0;
UPDATE tokens SET used_at = created_at;
ALTER TABLE tokens ADD COLUMN sealed BLOB;

-- The name as it is searched: without letter case. lower() knows ASCII alone;
-- names that are written from now on are folded by the program.
ALTER TABLE keys ADD COLUMN folded TEXT NOT NULL DEFAULT '';
UPDATE keys SET folded = lower(name);

-- All that a list of keys is filtered by, in the order it is listed in: a page
-- comes from the index alone, and only its own rows are read. Twice, since keys
-- of one name stand in the order of their ids in both directions.
DROP INDEX keys_name;
CREATE INDEX keys_name ON keys (name, id, folded, owner, shared, created_at, updated_at);
CREATE INDEX keys_name_down ON keys (name DESC, id, folded, owner, shared, created_at, updated_at);
CREATE INDEX keys_shared ON keys (owner) WHERE shared;

-- Parts of names. The table holds no text of its own: that is in keys.
CREATE VIRTUAL TABLE key_names USING fts5 (folded, content = 'keys', content_rowid = 'id', tokenize = 'trigram case_sensitive 1');
INSERT INTO key_names (key_names) VALUES ('rebuild');

-- +goose StatementBegin
CREATE TRIGGER keys_named AFTER INSERT ON keys BEGIN
    INSERT INTO key_names (rowid, folded) VALUES (new.id, new.folded);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER keys_unnamed AFTER DELETE ON keys BEGIN
    INSERT INTO key_names (key_names, rowid, folded) VALUES ('delete', old.id, old.folded);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER keys_renamed AFTER UPDATE OF folded ON keys WHEN old.folded <> new.folded BEGIN
    INSERT INTO key_names (key_names, rowid, folded) VALUES ('delete', old.id, old.folded);
    INSERT INTO key_names (rowid, folded) VALUES (new.id, new.folded);
END;
-- +goose StatementEnd

-- The history of a key from its end, and its state at a time.
CREATE INDEX revisions_key_at ON revisions (key_uuid, at, number);
