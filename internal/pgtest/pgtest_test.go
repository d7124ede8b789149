package pgtest_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"keyrack/internal/pgtest"
)

func TestURLGivesEachTestItsOwnDatabase(t *testing.T) {
	t.Parallel()
	first, second := connect(t, pgtest.URL(t)), connect(t, pgtest.URL(t))

	mustExec(t, first, "CREATE TABLE note (text text)")
	mustExec(t, second, "CREATE TABLE note (text text)")
	mustExec(t, first, "INSERT INTO note VALUES ('for the first')")

	if got := queryInt(t, second, "SELECT count(*) FROM note"); got != 0 {
		t.Errorf("rows of the first database seen from the second = %d, want 0", got)
	}
}

func TestURLDropsTheDatabaseUnderOpenConnections(t *testing.T) {
	t.Parallel()
	var dropped string
	var left *pgx.Conn
	owned := t.Run("owner", func(t *testing.T) {
		var err error
		dropped = pgtest.URL(t)
		if left, err = pgx.Connect(t.Context(), dropped); err != nil {
			t.Fatalf("Connect(%q): %v", dropped, err)
		}
	})
	if !owned {
		return
	}
	defer func() { _ = left.Close(t.Context()) }()

	admin := connect(t, os.Getenv(pgtest.ServerVariable))
	if got := queryInt(t, admin, "SELECT count(*) FROM pg_database WHERE datname = $1", databaseOf(t, dropped)); got != 0 {
		t.Errorf("databases named %q after the test = %d, want 0", databaseOf(t, dropped), got)
	}
	if err := left.Ping(t.Context()); err == nil {
		t.Error("a connection to the dropped database still answers")
	}
}

func TestCopyBeginsAsTheTemplate(t *testing.T) {
	t.Parallel()
	content := strings.ToLower(rand.Text())
	filled := 0
	template := func() string {
		name, err := pgtest.Template(t.Context(), content, func(url string) error {
			filled++
			conn, err := pgx.Connect(t.Context(), url)
			if err != nil {
				return err
			}
			_, err = conn.Exec(t.Context(), "CREATE TABLE note AS SELECT 'for all' AS text")
			return errors.Join(err, conn.Close(t.Context()))
		})
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	admin := connect(t, os.Getenv(pgtest.ServerVariable))
	t.Cleanup(func() {
		_, _ = admin.Exec(context.WithoutCancel(t.Context()), "DROP DATABASE IF EXISTS keyrack_template_"+content)
	})
	first, second := connect(t, pgtest.Copy(t, template())), connect(t, pgtest.Copy(t, template()))
	mustExec(t, first, "INSERT INTO note VALUES ('for the first')")
	if got := queryInt(t, second, "SELECT count(*) FROM note WHERE text = 'for all'"); got != 1 {
		t.Errorf("rows that the template had in its second copy = %d, want 1", got)
	}
	if got := queryInt(t, second, "SELECT count(*) FROM note"); got != 1 {
		t.Errorf("rows in the second copy = %d, want 1, whatever the first has", got)
	}
	if filled != 1 {
		t.Errorf("the template was filled %d times, want once", filled)
	}
}

func TestTemplateGivenUpHalfWayIsMadeAnew(t *testing.T) {
	t.Parallel()
	content := strings.ToLower(rand.Text())
	full := errors.New("the disk is full")
	if _, err := pgtest.Template(t.Context(), content, func(string) error { return full }); !errors.Is(err, full) {
		t.Fatalf("Template() = %v, want %v", err, full)
	}
	name, err := pgtest.Template(t.Context(), content, func(string) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	admin := connect(t, os.Getenv(pgtest.ServerVariable))
	mustExec(t, admin, "DROP DATABASE "+name)
}

func TestURLFailsWithoutServer(t *testing.T) {
	tests := map[string]struct {
		server string
		want   string // in the failure
	}{
		"unset":       {"", "make test"},
		"not a URL":   {"host=127.0.0.1 password=hush", "not a URL"},
		"nobody home": {"postgres://user:hush@127.0.0.1:1/postgres", "connect to postgres://user:xxxxx@127.0.0.1:1/postgres"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv(pgtest.ServerVariable, tt.server)
			got := failure(t, func(t testing.TB) { pgtest.URL(t) })
			if !strings.Contains(got, tt.want) {
				t.Errorf("URL with %s=%q failed with %q, want %q in it", pgtest.ServerVariable, tt.server, got, tt.want)
			}
			if strings.Contains(got, "hush") {
				t.Errorf("URL failed with %q, which shows the password", got)
			}
		})
	}
}

// A recorder is a test that notes its fatal message and goes on to the next.
type recorder struct {
	testing.TB
	fatal string
}

func (r *recorder) Fatal(args ...any) {
	r.fatal = fmt.Sprint(args...)
	runtime.Goexit()
}

// failure runs fn as a test would and returns what it fails with.
func failure(t *testing.T, fn func(testing.TB)) string {
	t.Helper()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn(r)
	}()
	<-done
	return r.fatal
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatalf("Connect(%q): %v", url, err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func mustExec(t *testing.T, conn *pgx.Conn, statement string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func queryInt(t *testing.T, conn *pgx.Conn, query string, args ...any) (n int) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func databaseOf(t *testing.T, text string) string {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(u.Path, "/")
}
