// Package pgtest gives a test a PostgreSQL database of its own.
//
// It owns the life of that database on the server that TEST_POSTGRES_URL
// names, and leaves the server's life to scripts/with-postgres and everything
// in the database to the test. It is imported by tests alone.
package pgtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// ServerVariable is the environment variable that names the server, as a URL
// whose role may create databases.
const ServerVariable = "TEST_POSTGRES_URL"

// Dropping waits for the server to end the sessions that a test left open.
const dropTimeout = 30 * time.Second

// empty is what an empty database is a copy of: nobody can be connected to it,
// where a session in template1 would refuse the copy.
const empty = "template0"

// URL makes an empty database and returns its URL. The database is dropped
// when the test ends, whoever may still be connected to it. The test fails
// where there is no server: no result on PostgreSQL is not a good one.
func URL(t testing.TB) string {
	t.Helper()
	return Copy(t, empty)
}

// Copy is as [URL], for a database that begins as a copy of one that
// [Template] made.
func Copy(t testing.TB, template string) string {
	t.Helper()
	server, err := serverURL()
	if err != nil {
		t.Fatal(err)
	}
	fresh := *server
	fresh.Path = "keyrack_test_" + strings.ToLower(rand.Text())
	database := pgx.Identifier{fresh.Path}.Sanitize()
	if err := execute(t.Context(), server, "CREATE DATABASE "+database+" TEMPLATE "+pgx.Identifier{template}.Sanitize()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), dropTimeout)
		defer cancel()
		if err := execute(ctx, server, "DROP DATABASE IF EXISTS "+database+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return fresh.String()
}

func serverURL() (*url.URL, error) {
	text := os.Getenv(ServerVariable)
	if text == "" {
		return nil, fmt.Errorf("%s is not set: run `make test`, or `scripts/with-postgres go test ./...`", ServerVariable)
	}
	server, err := url.Parse(text)
	if err != nil || server.Scheme == "" {
		return nil, fmt.Errorf("%s is not a URL such as postgres://user@127.0.0.1/postgres", ServerVariable)
	}
	return server, nil
}

// execute connects for one statement, so that no connection outlives a test that looks for leaks.
func execute(ctx context.Context, server *url.URL, statement string) error {
	conn, err := pgx.Connect(ctx, server.String())
	if err != nil {
		return fmt.Errorf("connect to %s: %w", server.Redacted(), err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}
