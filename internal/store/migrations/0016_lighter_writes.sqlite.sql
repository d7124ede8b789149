-- +goose Up

-- The program numbers the editions of lists, once a transaction. With a trigger every INSERT kept a journal. A migration that
-- changes what lists show numbers them too: UPDATE changes SET times = times + 1.
DROP TRIGGER keys_change_added;
DROP TRIGGER keys_change_removed;
DROP TRIGGER keys_change_made;
DROP TRIGGER accounts_change_added;
DROP TRIGGER accounts_change_removed;
DROP TRIGGER accounts_change_made;
DROP TRIGGER accounts_change_name;
DROP TRIGGER account_roles_change_added;
DROP TRIGGER account_roles_change_removed;
DROP TRIGGER account_roles_change_made;
DROP TRIGGER account_organizations_change_added;
DROP TRIGGER account_organizations_change_removed;
DROP TRIGGER account_organizations_change_made;
DROP TRIGGER account_locations_change_added;
DROP TRIGGER account_locations_change_removed;
DROP TRIGGER account_locations_change_made;
DROP TRIGGER organizations_change_removed;
DROP TRIGGER organizations_change_made;
DROP TRIGGER locations_change_removed;
DROP TRIGGER locations_change_made;

-- Fingerprints are found by their first eight bytes, and then compared. Each key goes to a random page of each of these indexes; of
-- a million keys all their pages take 65 MB, where they took 170.
DROP INDEX keys_md5;
DROP INDEX keys_sha256;
DROP INDEX keys_sha512;
CREATE INDEX keys_md5 ON keys (substr(md5, 1, 8));
CREATE INDEX keys_sha256 ON keys (substr(sha256, 1, 8));
CREATE INDEX keys_sha512 ON keys (substr(sha512, 1, 8));
