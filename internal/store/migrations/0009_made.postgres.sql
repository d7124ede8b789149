-- +goose Up

-- What requests have made that their senders may repeat. Nothing refers to it, and it is forgotten after a day.
CREATE TABLE made (
    key     bytea NOT NULL PRIMARY KEY,
    request bytea NOT NULL,
    object  uuid NOT NULL,
    at      timestamptz NOT NULL
);

CREATE INDEX made_at ON made (at);
