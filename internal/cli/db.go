package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"keyrack/internal/core"
	"keyrack/internal/server"
)

func (a *app) db() *cobra.Command {
	return group("db", "The store itself", a.dbStatus(), a.dbMigrate(), a.dbCheck())
}

func (a *app) dbStatus() *cobra.Command {
	return a.onAnyVersion("status", "Show which version the store has and which this program knows",
		func(ctx context.Context, l *server.Local) error {
			v, err := l.Store.Versions(ctx)
			if err != nil {
				return err
			}
			return writeOne(a.Stdout, a.output, record{{"current", v.Current}, {"newest", v.Newest}})
		})
}

func (a *app) dbMigrate() *cobra.Command {
	return a.onAnyVersion("migrate", "Bring the store to this program's version",
		func(ctx context.Context, l *server.Local) error {
			if err := l.Store.Migrate(ctx); err != nil {
				return err
			}
			v, err := l.Store.Versions(ctx)
			if err != nil {
				return err
			}
			a.say("the store has version %d", v.Current)
			return nil
		})
}

// onAnyVersion makes a command that works on stores of older programs too.
func (a *app) onAnyVersion(use, short string, do func(context.Context, *server.Local) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, RunE: func(c *cobra.Command, _ []string) error {
		return a.local(c.Context(), server.Need{AnyVersion: true}, func(ctx context.Context, l *server.Local, _ core.Actor) error {
			return do(ctx, l)
		})
	}}
}

func (a *app) dbCheck() *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "Look for damage: broken pages, keys without history, torn changes",
		RunE: func(c *cobra.Command, _ []string) error {
			return a.local(c.Context(), server.Need{}, a.check)
		},
	}
}

func (a *app) check(ctx context.Context, l *server.Local, _ core.Actor) error {
	findings, err := l.Store.Check(ctx)
	if err != nil {
		return err
	}
	list := make([]record, len(findings))
	for i, f := range findings {
		list[i] = record{{"finding", fmt.Sprint(f)}}
	}
	if err := writeList(a.Stdout, a.output, list); err != nil {
		return err
	}
	if len(findings) > 0 {
		return errNegative
	}
	a.say("nothing found")
	return nil
}
