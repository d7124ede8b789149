-- +goose Up

-- Here the names of a second are at hand in the pages of its rows: an index that has them too saved nothing.
SELECT 1;
