package cli

import (
	"context"

	"github.com/spf13/cobra"

	"keyrack/internal/core"
	"keyrack/internal/server"
)

func (a *app) device() *cobra.Command {
	return group("device", "Machines the vault knows", a.list("list", "List devices", cobra.NoArgs,
		func(ctx context.Context, l *server.Local, by core.Actor, _ []string) ([]record, error) {
			devices, err := l.Core.Devices(ctx, by)
			list := make([]record, len(devices))
			for i, d := range devices {
				list[i] = record{
					{"hostname", d.Hostname}, {"ip", d.Address}, {"type", d.Type}, {"vendor", d.Vendor},
					{"model", d.Model}, {"site", d.Site}, {"id", d.UUID.String()},
				}
			}
			return list, err
		}))
}

func (a *app) application() *cobra.Command {
	return group("application", "Programs that use the vault", a.list("list", "List applications with their authorizations", cobra.NoArgs,
		func(ctx context.Context, l *server.Local, by core.Actor, _ []string) ([]record, error) {
			applications, err := l.Core.Applications(ctx, by)
			var list []record
			for _, app := range applications {
				list = append(list, authorizationRecords(app)...)
			}
			return list, err
		}))
}

// authorizationRecords gives a line an authorization; an application without
// any still shows.
func authorizationRecords(app core.Application) []record {
	authorizations := app.Authorizations
	if len(authorizations) == 0 {
		authorizations = []core.Authorization{{}}
	}
	list := make([]record, len(authorizations))
	for i, x := range authorizations {
		list[i] = record{
			{"application", app.Name}, {"authorization", x.Name}, {"permission", string(x.Permission)},
			{"resources", x.Resources}, {"allowed_ips", x.AllowedIPs}, {"credentials", credentials(x)},
		}
	}
	return list
}

func credentials(x core.Authorization) []string {
	kinds := []string{}
	if x.OAuth2 != nil {
		kinds = append(kinds, "oauth2")
	}
	if x.OAuth1 != nil {
		kinds = append(kinds, "oauth1")
	}
	return kinds
}

func (a *app) organization() *cobra.Command {
	return group("organization", "Where accounts, projects and applications belong", a.list("list", "List organizations", cobra.NoArgs,
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
	return group("location", "Where accounts are", a.list("list", "List locations", cobra.NoArgs,
		func(ctx context.Context, l *server.Local, by core.Actor, _ []string) ([]record, error) {
			locations, err := l.Core.Locations(ctx, by)
			list := make([]record, len(locations))
			for i, x := range locations {
				list[i] = record{{"name", x.Name}, {"created_at", x.CreatedAt}, {"id", x.UUID.String()}}
			}
			return list, err
		}))
}
