-- +goose Up

-- Here the edition of a list is the snapshot, and fingerprints are found as they are.
SELECT 1;
