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
