-- +goose Up

-- What requests have made that their senders may repeat. Nothing refers to it, and it is forgotten after a day.
CREATE TABLE made (
    key     BLOB NOT NULL PRIMARY KEY,
    request BLOB NOT NULL,
    object  BLOB NOT NULL,
    at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX made_at ON made (at);
