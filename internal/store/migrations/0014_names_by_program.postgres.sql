-- +goose Up

-- Here the index of names is the database's own.
SELECT 1;
