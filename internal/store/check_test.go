package store_test

import (
	"database/sql"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"keyrack/internal/core"
	"keyrack/internal/store"
)

// TestCheck plants what Check has to find.
func TestCheck(t *testing.T) {
	t.Parallel()
	wantFound(t, "key 1", addChangedKey, map[string]string{
		"key without revision":         "DELETE FROM revisions",
		"revisions with a gap":         "UPDATE revisions SET number = 3 WHERE number = 2",
		"key unlike its last revision": "UPDATE keys SET name = 'other'",
		"key gone without a revision":  "DELETE FROM evidence; DELETE FROM keys",
		"change without audit event":   "DELETE FROM audit_events WHERE id = 1",
		"key unlike its bytes":         "UPDATE keys SET md5 = sha256",
	})
	wantFound(t, "evidence row 1", addChangedKey, map[string]string{"reference to nothing": "UPDATE evidence SET key_id = 99"})
}

// TestCheckVault plants what Check has to find of keys of the vault.
func TestCheckVault(t *testing.T) {
	t.Parallel()
	wantFound(t, "managedkey 1", saveChangedKey, map[string]string{
		"managed key without version":         "DELETE FROM managed_key_versions",
		"versions with a gap":                 "UPDATE managed_key_versions SET number = 3 WHERE number = 2; UPDATE managed_keys SET version = 3",
		"managed key unlike its last version": "UPDATE managed_keys SET version = 1",
		"version with nothing sealed":         "UPDATE managed_key_versions SET private_key = '' WHERE number = 1",
		"version without audit event":         "DELETE FROM audit_events WHERE action = 'managedkey.change'",
	})
}

// wantFound does each damage, by what Check is to call it, to a store of its own
// in which there is one object: that is found, and nothing else.
func wantFound(t *testing.T, object string, add func(testing.TB, *store.Store), damages map[string]string) {
	for want, damage := range damages {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, o store.Options) {
				s := reopen(t, o)
				add(t, s)
				wantSound(t, s)
				statements := damage
				if o.URL == "" {
					statements = strings.ReplaceAll(damage, "''", "x''") // no bytes, in SQLite's words
				}
				execute(t, o, statements)
				findings, err := s.Check(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if len(findings) != 1 || findings[0].Check != want || findings[0].Object != object {
					t.Errorf("Check() = %+v, want %q at %s", findings, want, object)
				}
			})
		})
	}
}

// saveChangedKey puts a key with two versions into the vault.
func saveChangedKey(t testing.TB, s *store.Store) {
	t.Helper()
	service := vaulted(t, s)
	for range 2 { // the second is a new version
		if _, err := saveKey(t.Context(), service, "web", secretText()); err != nil {
			t.Fatal(err)
		}
	}
}

// addChangedKey adds a key and changes it, each with revision and audit event.
func addChangedKey(t testing.TB, s *store.Store) {
	t.Helper()
	owner, err := newAccount(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	k := randomKey(owner)
	err = s.Update(t.Context(), func(tx core.Tx) error {
		if err := addKey(tx, k); err != nil {
			return err
		}
		added, err := tx.KeyByUUID(k.UUID)
		if err != nil {
			return err
		}
		if err := tx.InsertRevisions(core.Revision{Key: added, Action: core.KeyChanged}); err != nil {
			return err
		}
		return tx.InsertAuditEvents(core.AuditEvent{Object: "key " + k.UUID.String(), Outcome: core.Done})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestCheckReferences finds what PostgreSQL never lets happen.
func TestCheckReferences(t *testing.T) {
	t.Parallel()
	o := store.Options{Path: t.TempDir() + "/keyrack.db"}
	s := reopen(t, o)
	addChangedKey(t, s)
	execute(t, o, `PRAGMA foreign_keys = OFF;
		INSERT INTO evidence (key_id, grade, at, address, client_version) VALUES (4711, 'pasted', 0, '', '');
		INSERT INTO collected_keys (uuid, connection_id, blob, proven, created_at) VALUES (x'00', 4711, x'00', 0, 0);
		INSERT INTO account_locations (account_id, location_id) VALUES (1, 4711)`)
	findings, err := s.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var objects []string
	for _, f := range findings {
		if f.Check == "reference to nothing" {
			objects = append(objects, f.Object)
		}
	}
	slices.Sort(objects)
	if want := []string{"account_locations", "collected_keys row 1", "evidence row 2"}; !slices.Equal(objects, want) {
		t.Errorf("Check() finds references to nothing in %q, want %q; all: %+v", objects, want, findings)
	}
}

// TestCheckDamage finds bytes that were overwritten in an index.
func TestCheckDamage(t *testing.T) {
	t.Parallel()
	o := store.Options{Path: t.TempDir() + "/keyrack.db"}
	s := reopen(t, o)
	addChangedKey(t, s)
	if err := s.Close(); err != nil { // and write all into the one file
		t.Fatal(err)
	}
	overwrite(t, o.Path, "keys_name")
	findings, err := reopen(t, o).Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(findings, func(f store.Finding) bool { return f.Check == "damaged file" }) {
		t.Errorf("Check() = %+v, want the damaged index", findings)
	}
}

// overwrite spoils the end of an index's first page, where its first entry is.
func overwrite(t testing.TB, path, index string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	var page, size int64
	err = db.QueryRowContext(t.Context(), "SELECT rootpage, page_size FROM sqlite_schema, pragma_page_size WHERE name = ?", index).Scan(&page, &size)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte("?????"), page*size-5)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}
