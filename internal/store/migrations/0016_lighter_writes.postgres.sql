-- +goose Up

-- Here the edition of a list is the snapshot.
SELECT 1;
