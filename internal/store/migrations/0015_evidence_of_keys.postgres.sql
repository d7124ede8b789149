-- +goose Up

-- Who checks a reference in a serializable transaction has read the page of the index where the row is, and all new keys are
-- on one page: of those who added keys at once most had to begin anew. Who removes a key now removes its evidence.
ALTER TABLE evidence DROP CONSTRAINT evidence_key_id_fkey;
