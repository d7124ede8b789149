package pgtest

import (
	"context"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"
)

// Template gives the name of a database for [Copy] that fill has filled, given
// its URL. It is made once on a server, for all test programs that name the same
// content, and stays there: nobody knows who is the last to copy it. One that
// was given up half way is made anew.
func Template(ctx context.Context, content string, fill func(url string) error) (name string, err error) {
	server, err := serverURL()
	if err != nil {
		return "", err
	}
	conn, err := pgx.Connect(ctx, server.String())
	if err != nil {
		return "", fmt.Errorf("connect to %s: %w", server.Redacted(), err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // which ends the lock too
	name = "keyrack_template_" + content
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtextextended($1, 0))", name); err != nil {
		return "", fmt.Errorf("wait for %s: %w", name, err)
	}
	var there bool
	if err := conn.QueryRow(ctx, "SELECT count(*) > 0 FROM pg_database WHERE datname = $1", name).Scan(&there); err != nil {
		return "", fmt.Errorf("look for %s: %w", name, err)
	}
	if there {
		return name, nil
	}
	if err := makeTemplate(ctx, conn, *server, name, fill); err != nil {
		return "", fmt.Errorf("make %s: %w", name, err)
	}
	return name, nil
}

// makeTemplate fills a draft, and gives it its name once nobody can change it.
func makeTemplate(ctx context.Context, conn *pgx.Conn, server url.URL, name string, fill func(url string) error) error {
	server.Path = name + "_draft"
	draft := pgx.Identifier{server.Path}.Sanitize()
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + draft + " WITH (FORCE)", "CREATE DATABASE " + draft + " TEMPLATE " + empty} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	if err := fill(server.String()); err != nil {
		return err
	}
	for _, statement := range []string{
		"ALTER DATABASE " + draft + " ALLOW_CONNECTIONS false",
		"ALTER DATABASE " + draft + " RENAME TO " + pgx.Identifier{name}.Sanitize(),
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
