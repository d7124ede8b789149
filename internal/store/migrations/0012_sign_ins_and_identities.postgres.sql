-- +goose Up
-- Which personal token began one is kept from now on. Of those that there are
-- nobody knows: they end, and their clients log in anew.
DELETE FROM sign_ins;
ALTER TABLE sign_ins ADD COLUMN token_hash bytea;

-- Names as they are compared. Those that are written from now on are made so by
-- the program, which knows more of letters.
ALTER TABLE organizations ADD COLUMN identity text COLLATE "C" NOT NULL DEFAULT '';
UPDATE organizations SET identity = lower(name COLLATE "default");
CREATE INDEX organizations_identity ON organizations (identity);
ALTER TABLE locations ADD COLUMN identity text COLLATE "C" NOT NULL DEFAULT '';
UPDATE locations SET identity = lower(name COLLATE "default");
CREATE INDEX locations_identity ON locations (identity);
ALTER TABLE projects ADD COLUMN identity text COLLATE "C" NOT NULL DEFAULT '';
UPDATE projects SET identity = lower(name COLLATE "default");
CREATE INDEX projects_identity ON projects (identity);
ALTER TABLE applications ADD COLUMN identity text COLLATE "C" NOT NULL DEFAULT '';
UPDATE applications SET identity = lower(name COLLATE "default");
CREATE INDEX applications_identity ON applications (identity);
ALTER TABLE devices ADD COLUMN identity text COLLATE "C" NOT NULL DEFAULT '';
UPDATE devices SET identity = lower(hostname COLLATE "default");
CREATE INDEX devices_identity ON devices (identity);
