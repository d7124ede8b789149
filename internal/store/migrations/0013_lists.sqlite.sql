-- +goose Up
-- Parts of what accounts are searched by, as of the names of keys.
CREATE VIRTUAL TABLE account_texts USING fts5 (
    login_folded, name_folded, email_folded, first_name_folded, last_name_folded, description_folded,
    content = 'accounts', content_rowid = 'id', tokenize = 'trigram case_sensitive 1'
);
INSERT INTO account_texts (account_texts) VALUES ('rebuild');

-- +goose StatementBegin
CREATE TRIGGER accounts_texts_added AFTER INSERT ON accounts BEGIN
    INSERT INTO account_texts (rowid, login_folded, name_folded, email_folded, first_name_folded, last_name_folded, description_folded)
    VALUES (new.id, new.login_folded, new.name_folded, new.email_folded, new.first_name_folded, new.last_name_folded, new.description_folded);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER accounts_texts_removed AFTER DELETE ON accounts BEGIN
    INSERT INTO account_texts (account_texts, rowid, login_folded, name_folded, email_folded, first_name_folded, last_name_folded, description_folded)
    VALUES ('delete', old.id, old.login_folded, old.name_folded, old.email_folded, old.first_name_folded, old.last_name_folded, old.description_folded);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER accounts_texts_changed
AFTER UPDATE OF login_folded, name_folded, email_folded, first_name_folded, last_name_folded, description_folded ON accounts
WHEN (old.login_folded, old.name_folded, old.email_folded, old.first_name_folded, old.last_name_folded, old.description_folded)
    <> (new.login_folded, new.name_folded, new.email_folded, new.first_name_folded, new.last_name_folded, new.description_folded)
BEGIN
    INSERT INTO account_texts (account_texts, rowid, login_folded, name_folded, email_folded, first_name_folded, last_name_folded, description_folded)
    VALUES ('delete', old.id, old.login_folded, old.name_folded, old.email_folded, old.first_name_folded, old.last_name_folded, old.description_folded);
    INSERT INTO account_texts (rowid, login_folded, name_folded, email_folded, first_name_folded, last_name_folded, description_folded)
    VALUES (new.id, new.login_folded, new.name_folded, new.email_folded, new.first_name_folded, new.last_name_folded, new.description_folded);
END;
-- +goose StatementEnd

-- How often what a list shows has changed: how many rows a filter finds is
-- remembered for as long as that stays the same. Who logged in last is left
-- out; filters by that are not remembered.
CREATE TABLE changes (list TEXT PRIMARY KEY, times INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO changes (list, times) VALUES ('keys', 0), ('accounts', 0);

-- +goose StatementBegin
CREATE TRIGGER keys_change_added AFTER INSERT ON keys BEGIN UPDATE changes SET times = times + 1 WHERE list = 'keys'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER keys_change_removed AFTER DELETE ON keys BEGIN UPDATE changes SET times = times + 1 WHERE list = 'keys'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER keys_change_made AFTER UPDATE ON keys BEGIN UPDATE changes SET times = times + 1 WHERE list = 'keys'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER accounts_change_added AFTER INSERT ON accounts BEGIN UPDATE changes SET times = times + 1 WHERE list = 'accounts'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER accounts_change_removed AFTER DELETE ON accounts BEGIN UPDATE changes SET times = times + 1 WHERE list = 'accounts'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER accounts_change_made
AFTER UPDATE OF id, uuid, login, name, email, admin, support, disabled, created_at, expires_at, first_name, last_name, description ON accounts
BEGIN UPDATE changes SET times = times + 1 WHERE list = 'accounts'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER accounts_change_name AFTER UPDATE OF id, uuid ON accounts -- keys are found by the UUID of their owner
WHEN old.id <> new.id OR old.uuid <> new.uuid BEGIN UPDATE changes SET times = times + 1 WHERE list = 'keys'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER account_roles_change_added AFTER INSERT ON account_roles BEGIN UPDATE changes SET times = times + 1 WHERE list = 'accounts'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER account_roles_change_removed AFTER DELETE ON account_roles BEGIN UPDATE changes SET times = times + 1 WHERE list = 'accounts'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER account_roles_change_made AFTER UPDATE ON account_roles BEGIN UPDATE changes SET times = times + 1 WHERE list = 'accounts'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER account_organizations_change_added AFTER INSERT ON account_organizations BEGIN UPDATE changes SET times = times + 1 WHERE list = 'accounts'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER account_organizations_change_removed AFTER DELETE ON account_organizations BEGIN UPDATE changes SET times = times + 1 WHERE list = 'accounts'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER account_organizations_change_made AFTER UPDATE ON account_organizations BEGIN UPDATE changes SET times = times + 1 WHERE list = 'accounts'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER account_locations_change_added AFTER INSERT ON account_locations BEGIN UPDATE changes SET times = times + 1 WHERE list = 'accounts'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER account_locations_change_removed AFTER DELETE ON account_locations BEGIN UPDATE changes SET times = times + 1 WHERE list = 'accounts'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER account_locations_change_made AFTER UPDATE ON account_locations BEGIN UPDATE changes SET times = times + 1 WHERE list = 'accounts'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER organizations_change_removed AFTER DELETE ON organizations BEGIN UPDATE changes SET times = times + 1 WHERE list = 'accounts'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER organizations_change_made AFTER UPDATE ON organizations BEGIN UPDATE changes SET times = times + 1 WHERE list = 'accounts'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER locations_change_removed AFTER DELETE ON locations BEGIN UPDATE changes SET times = times + 1 WHERE list = 'accounts'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER locations_change_made AFTER UPDATE ON locations BEGIN UPDATE changes SET times = times + 1 WHERE list = 'accounts'; END;
-- +goose StatementEnd
