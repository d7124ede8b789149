package store

// A new row's texts go into their index of parts (FTS5) at the end of the
// transaction, or when somebody wants the index: SQLite's writes out what it was
// told at every statement with a journal, which all are that have a trigger,
// RETURNING or many rows. PostgreSQL's indexes are of the columns themselves.

// unindexed is a new row that its index of parts does not know yet.
type unindexed struct {
	insert string // into the index
	args   []any  // the id and the texts
}

// mostUnindexed is how many rows wait for the end of a transaction.
const mostUnindexed = 4096

// indexLater has a row put into its index of parts.
func (t *tx) indexLater(insert string, args ...any) error {
	if t.unindexed = append(t.unindexed, unindexed{insert, args}); len(t.unindexed) < mostUnindexed {
		return nil
	}
	return t.indexTexts()
}

// indexTexts puts the rows that wait into their indexes of parts.
func (t *tx) indexTexts() error {
	rows := t.unindexed
	t.unindexed = nil
	if len(rows) == 0 {
		return nil
	}
	return t.db.speaks.indexTexts(t, rows)
}
