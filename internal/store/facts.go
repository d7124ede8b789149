package store

import (
	"context"
)

// Fact is one thing that the database says of itself.
type Fact struct{ Name, Value string }

// Facts asks the database what it is and how it keeps what it was told, by one
// of the connections that the store works with.
func (s *Store) Facts(ctx context.Context) ([]Fact, error) {
	var all []Fact
	err := s.engine.view(ctx, func(t *tx) error {
		for _, ask := range t.db.speaks.facts() {
			f := Fact{Name: ask.Name}
			err := t.query(func(r answer) error { return r.Scan(&f.Value) }, ask.Value)
			if err != nil {
				return err
			}
			all = append(all, f)
		}
		return nil
	})
	return all, err
}

func (sqliteDialect) facts() []Fact {
	return []Fact{
		{"database", "SELECT 'sqlite'"},
		{"version", "SELECT sqlite_version()"},
		{"journal_mode", "PRAGMA journal_mode"},
		{"synchronous", "PRAGMA synchronous"}, // 2: FULL
		{"foreign_keys", "PRAGMA foreign_keys"},
	}
}

func (postgresDialect) facts() []Fact {
	return []Fact{
		{"database", "SELECT 'postgresql'"},
		{"version", "SELECT current_setting('server_version')"},
		{"synchronous_commit", "SELECT current_setting('synchronous_commit')"},
		{"statement_timeout", "SELECT current_setting('statement_timeout')"},
		{"lock_timeout", "SELECT current_setting('lock_timeout')"},
		{"isolation", "SELECT current_setting('transaction_isolation')"},
	}
}
