-- +goose Up

-- The program adds the names of new keys to their index, at the end of each transaction. With the trigger every INSERT kept
-- a journal, at whose end the index wrote out what it had been told: a piece for each key.
DROP TRIGGER keys_named;
