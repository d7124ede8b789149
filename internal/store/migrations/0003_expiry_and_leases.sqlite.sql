-- +goose Up
-- The sweeper asks for those longest over first, and for a fixed order of those
-- that end at one moment: without id here all of them are sorted for each batch.
DROP INDEX sessions_expiry;
CREATE INDEX sessions_expiry ON sessions (expires_at, id) WHERE status = 'pending';

-- Counts a delivery's leases and their ends. A server that lost its lease knows
-- an older number, by which nothing is recorded.
ALTER TABLE deliveries ADD COLUMN lease INTEGER NOT NULL DEFAULT 0;
