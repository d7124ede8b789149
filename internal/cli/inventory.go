package cli

import (
	"context"

	"github.com/spf13/cobra"

	"keyrack/internal/core"
	"keyrack/internal/server"
)

func (a *app) organization() *cobra.Command {
	return group("organization", "Where accounts, projects and applications belong", a.list("list", "List organizations",
		func(ctx context.Context, l *server.Local, by core.Actor, _ []string) ([]record, error) {
			organizations, err := l.Core.Organizations(ctx, by)
			list := make([]record, len(organizations))
			for i, o := range organizations {
				list[i] = record{{"name", o.Name}, {"created_at", o.CreatedAt}, {"id", o.UUID.String()}}
			}
			return list, err
		}))
}

func (a *app) location() *cobra.Command {
	return group("location", "Where accounts are", a.list("list", "List locations",
		func(ctx context.Context, l *server.Local, by core.Actor, _ []string) ([]record, error) {
			locations, err := l.Core.Locations(ctx, by)
			list := make([]record, len(locations))
			for i, x := range locations {
				list[i] = record{{"name", x.Name}, {"created_at", x.CreatedAt}, {"id", x.UUID.String()}}
			}
			return list, err
		}))
}
