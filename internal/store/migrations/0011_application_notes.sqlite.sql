-- +goose Up
ALTER TABLE applications ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE applications ADD COLUMN tags TEXT NOT NULL DEFAULT '[]'; -- JSON

ALTER TABLE authorizations ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE authorizations ADD COLUMN system TEXT NOT NULL DEFAULT '';
ALTER TABLE authorizations ADD COLUMN environment TEXT NOT NULL DEFAULT '';
