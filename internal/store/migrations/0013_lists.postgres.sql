-- +goose Up
-- Parts of what accounts are searched by, as of the names of keys.
CREATE INDEX accounts_texts ON accounts USING gin (
    login_folded gin_trgm_ops, name_folded gin_trgm_ops, email_folded gin_trgm_ops,
    first_name_folded gin_trgm_ops, last_name_folded gin_trgm_ops, description_folded gin_trgm_ops
) WITH (fastupdate = off);
