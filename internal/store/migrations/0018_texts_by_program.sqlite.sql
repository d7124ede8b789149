-- +goose Up

-- The program adds the texts of new accounts to their index, as it does the names of new keys: with the trigger every account
-- that was added had the index write out a piece of its own.
DROP TRIGGER accounts_texts_added;
