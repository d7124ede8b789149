-- +goose Up
-- Which personal token began one is kept from now on. Of those that there are
-- nobody knows: they end, and their clients log in anew.
DELETE FROM sign_ins;
ALTER TABLE sign_ins ADD COLUMN token_hash BLOB;
