package store_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"keyrack/internal/core"
	"keyrack/internal/pgtest"
	"keyrack/internal/store"
)

// TestPostgresSettings gives the database the defaults that a careless or
// hostile administrator could: the store does not depend on them.
func TestPostgresSettings(t *testing.T) {
	t.Parallel()
	o := store.Options{URL: pgtest.URL(t)}
	u, err := url.Parse(o.URL)
	if err != nil {
		t.Fatal(err)
	}
	database := pgx.Identifier{strings.TrimPrefix(u.Path, "/")}.Sanitize()
	for _, setting := range []string{
		"standard_conforming_strings = off", "synchronous_commit = off", "timezone = 'Asia/Kathmandu'", "datestyle = 'German'",
		"bytea_output = 'escape'", "default_transaction_isolation = 'read committed'",
		"intervalstyle = 'iso_8601'", "backslash_quote = on", "statement_timeout = 0",
	} {
		execute(t, o, "ALTER DATABASE "+database+" SET "+setting)
	}
	s := reopen(t, o)
	// With standard_conforming_strings off, \' would end the literal.
	object := `key \'; DROP TABLE keys; --`
	owner, err := newAccount(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	k := randomKey(owner)
	err = s.Update(t.Context(), func(tx core.Tx) error {
		return errors.Join(addKey(tx, k), tx.InsertAuditEvents(core.AuditEvent{At: k.CreatedAt, Object: object}))
	})
	if err != nil {
		t.Fatal(err)
	}
	err = s.View(t.Context(), func(tx core.Tx) error {
		events, err1 := tx.AuditEvents(core.AuditQuery{Object: object, Since: k.CreatedAt})
		got, err2 := tx.KeyByUUID(k.UUID)
		if len(events) != 1 || !got.CreatedAt.Equal(k.CreatedAt) || !got.Public.Equal(k.Public) {
			t.Errorf("%d events, key %+v; want 1 and %+v", len(events), got, k)
		}
		return errors.Join(err1, err2)
	})
	if err != nil {
		t.Error(err)
	}
	wantSound(t, s)
}

// TestPostgresWriteSkew makes two transactions meet: both have read before
// either writes. One of them has to start again, and then sees the other.
func TestPostgresWriteSkew(t *testing.T) {
	t.Parallel()
	s := reopen(t, store.Options{URL: pgtest.URL(t)})
	for _, light := range []string{"left", "right"} {
		put(t, s, light)
	}
	var met, group sync.WaitGroup
	met.Add(2)
	runs := make([]int, 2)
	for i, pair := range [][2]string{{"left", "right"}, {"right", "left"}} {
		group.Go(func() {
			err := s.Update(t.Context(), func(tx core.Tx) error {
				runs[i]++
				_, err := tx.Setting(pair[1])
				if runs[i] == 1 {
					met.Done()
					met.Wait()
				}
				if core.KindOf(err) == core.NotFound {
					return nil // the other went out: this one stays on
				}
				return errors.Join(err, tx.DeleteSetting(pair[0]))
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if runs[0]+runs[1] < 3 {
		t.Errorf("the functions ran %v times, want one more than once", runs)
	}
	err := s.View(t.Context(), func(tx core.Tx) error {
		lights, err := tx.Settings("")
		if len(lights) != 1 {
			t.Errorf("lights left on: %v, want one", lights)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestPostgresConnectionLost ends the server's side of every connection at all
// moments of an update: it is then unavailable, changes nothing, and the next
// one works.
func TestPostgresConnectionLost(t *testing.T) {
	t.Parallel()
	o := store.Options{URL: pgtest.URL(t)}
	s := reopen(t, o)
	const cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
	for name, fn := range map[string]func(tx core.Tx) error{
		"before a statement": func(tx core.Tx) error {
			execute(t, o, cut)
			return tx.PutSetting("lost", "x")
		},
		"before the commit": func(tx core.Tx) error {
			err := tx.PutSetting("lost", "x")
			execute(t, o, cut)
			return err
		},
	} {
		runs := 0
		err := s.Update(t.Context(), func(tx core.Tx) error {
			runs++
			return fn(tx)
		})
		if core.KindOf(err) != core.Unavailable || runs != 1 {
			t.Errorf("connection lost %s: error %v after %d runs, want %v after one", name, err, runs, core.Unavailable)
		}
		put(t, s, "after: "+name)
		wantSetting(t, s, "lost", false)
	}
}

// TestPostgresLocked finds a table locked by somebody else: the update gives up
// after lock_timeout rather than wait for ever.
func TestPostgresLocked(t *testing.T) {
	t.Parallel()
	o := store.Options{URL: pgtest.URL(t)}
	s := reopen(t, o)
	conn, err := pgx.Connect(t.Context(), o.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	if _, err := conn.PgConn().Exec(t.Context(), "BEGIN; LOCK TABLE settings").ReadAll(); err != nil {
		t.Fatal(err)
	}
	err = s.Update(t.Context(), func(tx core.Tx) error { return tx.PutSetting("locked", "x") })
	if core.KindOf(err) != core.Unavailable {
		t.Errorf("update of a locked table = %v, want %v", err, core.Unavailable)
	}
	if _, err := conn.PgConn().Exec(t.Context(), "ROLLBACK").ReadAll(); err != nil {
		t.Fatal(err)
	}
	put(t, s, "unlocked")
}

// TestPostgresPool runs more transactions at once than there are connections.
func TestPostgresPool(t *testing.T) {
	t.Parallel()
	s := reopen(t, store.Options{URL: pgtest.URL(t), Connections: 2})
	var group sync.WaitGroup
	for range 30 {
		group.Go(func() {
			if err := s.Ping(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

// TestPostgresRefused has no server, or one that does not let us in. The
// password stays out of the error.
func TestPostgresRefused(t *testing.T) {
	t.Parallel()
	wrong, err := url.Parse(pgtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	wrong.User = url.UserPassword("postgres", "s3cret-of-nobody")
	for name, address := range map[string]string{
		"wrong password": wrong.String(),
		"no server":      "postgres://postgres:s3cret-of-nobody@127.0.0.1:1/postgres",
		"no URL":         "postgres://postgres:s3cret-of-nobody@127.0.0.1:port/postgres",
	} {
		s, err := store.Open(t.Context(), store.Options{URL: address})
		if err == nil {
			_ = s.Close()
			t.Errorf("%s: opened", name)
			continue
		}
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: the error tells the password: %v", name, err)
		}
	}
}
