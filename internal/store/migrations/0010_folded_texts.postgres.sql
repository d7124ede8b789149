-- +goose Up
-- Texts as they are searched: without letter case, as keys have it. Those that
-- are written from now on are folded by the program.
ALTER TABLE accounts ADD COLUMN login_folded text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN name_folded text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN email_folded text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN first_name_folded text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN last_name_folded text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN description_folded text COLLATE "C" NOT NULL DEFAULT '';
UPDATE accounts SET
    login_folded = lower(login COLLATE "default"),
    name_folded = lower(name COLLATE "default"),
    email_folded = lower(email COLLATE "default"),
    first_name_folded = lower(first_name COLLATE "default"),
    last_name_folded = lower(last_name COLLATE "default"),
    description_folded = lower(description COLLATE "default");
ALTER TABLE organizations ADD COLUMN folded text COLLATE "C" NOT NULL DEFAULT '';
UPDATE organizations SET folded = lower(name COLLATE "default");
ALTER TABLE locations ADD COLUMN folded text COLLATE "C" NOT NULL DEFAULT '';
UPDATE locations SET folded = lower(name COLLATE "default");
