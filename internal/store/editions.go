package store

import (
	"slices"
	"strings"
)

// On SQLite the program numbers the editions of lists, once in each transaction:
// with a trigger every INSERT would keep a journal. What a statement changes is
// read off its text where all that change anything come by, [tx.writable], so
// that nobody who writes a new one has to think of it; a statement of unknown
// form changes every list.

// numberedLists are those that have editions.
var numberedLists = []string{"keys", "accounts"}

// showing are the lists that show something of a table, or are filtered by it.
// A table that is not here is part of no numbered list.
var showing = map[string][]string{
	"keys":                  {"keys"},
	"accounts":              {"keys", "accounts"}, // keys are found by the UUID of their owner
	"account_roles":         {"accounts"},
	"account_organizations": {"accounts"},
	"account_locations":     {"accounts"},
	"organizations":         {"accounts"},
	"locations":             {"accounts"},
}

// setLastLogin changes what is restless alone, see [column].
const setLastLogin = "UPDATE accounts SET last_login_at = ? WHERE id = ?"

// changedBy gives the lists of which a statement begins another edition.
func changedBy(text string) []string {
	if text == setLastLogin {
		return nil
	}
	for _, verb := range []string{"INSERT INTO ", "UPDATE ", "DELETE FROM "} {
		if rest, ok := strings.CutPrefix(text, verb); ok {
			table, _, _ := strings.Cut(rest, " ")
			return showing[strings.Trim(table, `"`)]
		}
	}
	return numberedLists
}

// edit notes that lists have changed.
func (t *tx) edit(lists []string) {
	for _, list := range lists {
		if !slices.Contains(t.edited, list) {
			t.edited = append(t.edited, list)
		}
	}
}

// number begins another edition of each list that the transaction has changed.
func (t *tx) number() error {
	for _, list := range t.edited {
		if _, err := t.exec("UPDATE changes SET times = times + 1 WHERE list = ?", list); err != nil {
			return err
		}
	}
	return nil
}
