package store

import (
	"slices"
	"testing"
)

func TestChangedBy(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want []string
	}{
		{"INSERT INTO keys (uuid) VALUES (?)", []string{"keys"}},
		{`INSERT INTO "keys" ("uuid") VALUES (?) RETURNING id`, []string{"keys"}},
		{`UPDATE "accounts" SET "uuid" = ? WHERE "id" = ?`, []string{"keys", "accounts"}},
		{"DELETE FROM account_roles WHERE account_id = ?", []string{"accounts"}},
		{setLastLogin, nil},
		{"UPDATE accounts SET last_login_at = ?, name = ? WHERE id = ?", []string{"keys", "accounts"}},
		{"INSERT INTO audit_events (at) VALUES (?)", nil},
		{"UPDATE key_names SET folded = ?", nil},
		{"REPLACE INTO nonces VALUES (?)", numberedLists},
		{"WITH old AS (SELECT 1) DELETE FROM nonces", numberedLists},
		{"insert into keys (uuid) values (?)", numberedLists},
	}
	for _, tt := range tests {
		if got := changedBy(tt.text); !slices.Equal(got, tt.want) {
			t.Errorf("changedBy(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}
