-- +goose Up

-- Here the indexes are of the columns themselves.
SELECT 1;
