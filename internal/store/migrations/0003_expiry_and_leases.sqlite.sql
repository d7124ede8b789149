-- +goose Up
-- The sweeper asks for those longest over first, and for a fixed order of those
-- that end at one moment: without id here all of them are sorted for each batch.
DROP INDEX sessions_expiry;
CREATE INDEX sessions_expiry ON sessions (expires_at, id) WHERE status = 'pending';
