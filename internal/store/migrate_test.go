package store_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"keyrack/internal/core"
	"keyrack/internal/sshkey"
	"keyrack/internal/store"
)

// load runs the statements of a file on a database without the store.
func load(t testing.TB, o store.Options, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	execute(t, o, string(text))
}

func execute(t testing.TB, o store.Options, statements string) {
	t.Helper()
	var err error
	if o.URL != "" {
		err = executePostgres(t.Context(), o.URL, statements)
	} else {
		err = executeSQLite(t.Context(), o.Path, statements)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func executeSQLite(ctx context.Context, path, statements string) error {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, statements)
	return errors.Join(err, db.Close())
}

func executePostgres(ctx context.Context, url, statements string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	_, err = conn.PgConn().Exec(ctx, statements).ReadAll()
	return errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
}

// TestMigrateOldest brings a database of the first version up to date. Its
// content is that of testdata/version1.*.sql, which never changes.
func TestMigrateOldest(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, o store.Options) {
		dialect := "sqlite"
		if o.URL != "" {
			dialect = "postgres"
		}
		load(t, o, "testdata/version1."+dialect+".sql")
		s, err := store.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		v, err := s.Versions(t.Context())
		if err != nil || v.Current != 1 || v.Newest < 2 {
			t.Errorf("Versions() of the fixture = %+v, %v, want 1 of at least 2", v, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		s = reopen(t, o)
		if v, err := s.Versions(t.Context()); err != nil || v.Current != v.Newest {
			t.Errorf("Versions() after Migrate = %+v, %v, want the newest", v, err)
		}
		wantSound(t, s)
		wantFixture(t, s)
	})
}

// wantFixture looks for what the fixture holds.
func wantFixture(t *testing.T, s *store.Store) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)
	err := s.View(t.Context(), func(tx core.Tx) error {
		ada, err := tx.AccountByLogin("ada")
		if err != nil {
			return err
		}
		if ada.Email != "ada@example.org" || !ada.Roles.Admin || len(ada.Organizations) != 1 || len(ada.Locations) != 1 || !ada.CreatedAt.Equal(at) {
			t.Errorf("account is %+v", ada)
		}
		keys, err := tx.KeysByOwner(ada.ID)
		if err != nil || len(keys) != 1 {
			return fmt.Errorf("%d keys, error %w", len(keys), err)
		}
		line, err := sshkey.Parse(keys[0].Text)
		if err != nil || !line.Key.Equal(keys[0].Public) || keys[0].Name != "laptop" || !keys[0].Shared {
			t.Errorf("key is %+v", keys[0])
		}
		revisions, err1 := tx.Revisions(keys[0].UUID)
		evidence, err2 := tx.EvidenceOf(keys[0].ID)
		token, err3 := tx.TokenByHash(core.UseWaldur, core.SecretHash{6})
		apiKey, err4 := tx.APIKeyByHash(core.SecretHash{5})
		visited, err5 := tx.VisitedByIdentifier("collect-ada")
		applications, err6 := tx.Applications()
		if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
			return err
		}
		connections, err := tx.Connections(visited.Session.ID)
		got := []any{
			len(revisions), evidence[0].Grade, evidence[0].Address, token.Lifetime, apiKey.Name, *visited.Session.Banner,
			len(connections[0].Keys), applications[0].Authorizations[0].OAuth1.ConsumerSecret,
		}
		want := []any{
			1, core.ProvenByLogin, netip.MustParseAddr("2001:db8::7"), time.Hour, "ci", "Welcome, Ünï", 1, []byte{1, 0, 255},
		}
		if d := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
			t.Errorf("the fixture came back changed (-want +got):\n%s", d)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestNewer opens a database that a newer program has made: it is refused, and
// not a byte of it changes.
func TestNewer(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, o store.Options) {
		s := reopen(t, o)
		put(t, s, "kept")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		execute(t, o, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)")
		before := fileSums(t, o)
		newer, err := store.Open(t.Context(), o)
		if err == nil {
			_ = newer.Close()
		}
		if core.KindOf(err) != core.Conflict {
			t.Errorf("Open() of a newer database = %v, want %v", err, core.Conflict)
		}
		if after := fileSums(t, o); !cmp.Equal(before, after) {
			t.Errorf("the files were %v, are %v", before, after)
		}
	})
}

// TestNewerUnfinished is TestNewer for a database whose program was killed, so
// that its last changes are in the WAL alone.
func TestNewerUnfinished(t *testing.T) {
	t.Parallel()
	running := store.Options{Path: t.TempDir() + "/keyrack.db"}
	reopen(t, running)
	db, err := sql.Open("sqlite", running.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)"); err != nil {
		t.Fatal(err)
	}
	killed := store.Options{Path: t.TempDir() + "/keyrack.db"}
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(running.Path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(killed.Path+suffix, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before := fileSums(t, killed)
	_, err = store.Open(t.Context(), killed)
	if core.KindOf(err) != core.Conflict {
		t.Errorf("Open() of a newer database = %v, want %v", err, core.Conflict)
	}
	if after := fileSums(t, killed); !cmp.Equal(before, after) {
		t.Errorf("the files were %v, are %v", before, after)
	}
}

// fileSums are the SHA-256 of a database's files that hold anything.
func fileSums(t testing.TB, o store.Options) map[string][32]byte {
	t.Helper()
	sums := map[string][32]byte{}
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(o.Path + suffix)
		if err == nil && len(content) > 0 {
			sums[suffix] = sha256.Sum256(content)
		}
	}
	return sums
}
