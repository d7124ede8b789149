-- +goose Up

-- Here a reference costs next to nothing: there is one writer.
SELECT 1;
