-- +goose Up
-- Texts as they are searched: without letter case, as keys have it. Those that
-- are written from now on are folded by the program.
ALTER TABLE accounts ADD COLUMN login_folded TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN name_folded TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN email_folded TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN first_name_folded TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN last_name_folded TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN description_folded TEXT NOT NULL DEFAULT '';
UPDATE accounts SET
    login_folded = lower(login),
    name_folded = lower(name),
    email_folded = lower(email),
    first_name_folded = lower(first_name),
    last_name_folded = lower(last_name),
    description_folded = lower(description);
ALTER TABLE organizations ADD COLUMN folded TEXT NOT NULL DEFAULT '';
UPDATE organizations SET folded = lower(name);
ALTER TABLE locations ADD COLUMN folded TEXT NOT NULL DEFAULT '';
UPDATE locations SET folded = lower(name);
