-- +goose Up
ALTER TABLE applications ADD COLUMN description text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE applications ADD COLUMN tags text COLLATE "C" NOT NULL DEFAULT '[]'; -- JSON

ALTER TABLE authorizations ADD COLUMN description text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE authorizations ADD COLUMN system text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE authorizations ADD COLUMN environment text COLLATE "C" NOT NULL DEFAULT '';
