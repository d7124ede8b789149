package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"keyrack/internal/core"
	"keyrack/internal/server"
	"keyrack/internal/vault"
)

func (a *app) application() *cobra.Command {
	return group("application", "Programs that use the vault, and what they are authorized to",
		a.applicationList(), a.applicationShow(), a.applicationAdd(), a.applicationAuthorize(), a.applicationRotate(),
		a.applicationDisabled("disable", true), a.applicationDisabled("enable", false),
		a.applicationAssign("assign"), a.applicationAssign("unassign"), a.applicationRemove())
}

func (a *app) applicationList() *cobra.Command {
	return a.list("list", "List applications with their authorizations",
		func(ctx context.Context, l *server.Local, by core.Actor, _ []string) ([]record, error) {
			applications, err := l.Core.Applications(ctx, by)
			var list []record
			for _, app := range applications {
				list = append(list, authorizationRecords(app)...)
			}
			return list, err
		})
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
			{"disabled", app.Disabled || x.Disabled}, {"expires_at", x.ExpiresAt},
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

func (a *app) applicationShow() *cobra.Command {
	return a.show("show APPLICATION", "Show an application with its authorizations, without secrets",
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (record, error) {
			app, err := l.Core.Application(ctx, by, args[0])
			var list []record
			for _, x := range app.Authorizations {
				list = append(list, authorizationRecord(x))
			}
			return record{
				{"name", app.Name}, {"description", app.Description}, {"tags", notNil(app.Tags)}, {"disabled", app.Disabled}, {"created_at", app.CreatedAt}, {"id", app.UUID.String()},
				{"authorizations", list},
			}, err
		})
}

func authorizationRecord(x core.Authorization) record {
	r := record{
		{"name", x.Name}, {"description", x.Description}, {"system", x.System}, {"environment", x.Environment},
		{"permission", string(x.Permission)}, {"resources", notNil(x.Resources)}, {"allowed_ips", notNil(x.AllowedIPs)},
		{"referers", notNil(x.Referers)}, {"certificate", x.Certificate}, {"keys", notNil(x.Keys)}, {"devices", notNil(x.Devices)},
		{"disabled", x.Disabled}, {"expires_at", x.ExpiresAt}, {"id", x.UUID.String()},
	}
	if c := x.OAuth2; c != nil {
		r = append(r, field{"oauth2_client_id", c.ClientID})
	}
	if c := x.OAuth1; c != nil {
		r = append(r, field{"oauth1_consumer_key", c.ConsumerKey}, field{"oauth1_token", c.Token})
	}
	return r
}

// notNil is a list that JSON shows as one, also when nothing is in it.
func notNil(texts []string) []string { return append([]string{}, texts...) }

func (a *app) applicationAdd() *cobra.Command {
	var in core.DesiredApplication
	c := a.do("add APPLICATION", "Make an application",
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (string, error) {
			in.Name = args[0]
			app, err := l.Core.AddApplication(ctx, by, in)
			return "added application " + app.Name, err
		})
	f := c.Flags()
	f.StringVar(&in.Organization, "organization", "", "the organization it belongs to, which is its tenant")
	f.StringVar(&in.Description, "description", "", "what it is, in words")
	f.StringSliceVar(&in.Tags, "tag", nil, "tags")
	return c
}

func (a *app) applicationAuthorize() *cobra.Command {
	var in core.DesiredAuthorization
	var permission string
	var withOAuth1 bool
	var days int
	c := a.showSealed("authorize APPLICATION NAME", "Make an authorization and print its credentials, this once",
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (record, error) {
			in.Name, in.Permission, in.ExpiresAt = args[1], core.Permission(permission), inDays(days)
			in.OAuth2 = &core.DesiredOAuth2{}
			if withOAuth1 {
				in.OAuth1, in.OAuth2 = &core.DesiredOAuth1{}, nil
			}
			made, err := l.Core.AddAuthorization(ctx, by, args[0], in)
			return credentialRecord(args, made), err
		})
	f := c.Flags()
	f.StringVar(&permission, "permission", string(core.ReadOnly), "read-only or read-write")
	f.StringSliceVar(&in.Resources, "resource", []string{core.PAMCore}, "what it may use: "+strings.Join(core.Resources(), ", "))
	f.StringVar(&in.Description, "description", "", "what it is for, in words")
	f.StringVar(&in.System, "system", "", "the system that uses it")
	f.StringVar(&in.Environment, "environment", "", "where that runs, as production")
	f.StringSliceVar(&in.AllowedIPs, "allow-ip", nil, `from where: addresses, networks, or "*" (required)`)
	f.StringSliceVar(&in.Referers, "referer", nil, "URLs that the Referer header must be at or below (default any)")
	f.StringVar(&in.Certificate, "certificate", "", "SHA-256 fingerprint that the client's certificate must have")
	f.StringSliceVar(&in.Keys, "key", nil, "identifiers of keys assigned to it")
	f.StringSliceVar(&in.Devices, "device", nil, "hostnames, whose keys are assigned to it")
	f.BoolVar(&withOAuth1, "oauth1", false, "credentials of OAuth 1.0 instead of 2.0")
	f.IntVar(&days, "expires-in-days", 0, "when it ends (0: never)")
	_ = c.MarkFlagRequired("allow-ip") // fails for an unknown flag only
	return c
}

// credentialRecord has what was made for an authorization, under the names of
// the apply file.
func credentialRecord(args []string, made map[string]vault.Secret) record {
	r := record{{"application", args[0]}, {"authorization", args[1]}}
	for _, name := range slices.Sorted(maps.Keys(made)) {
		r = append(r, field{strings.ReplaceAll(name, ".", "_"), made[name].Reveal()})
	}
	return r
}

func (a *app) applicationRotate() *cobra.Command {
	return a.showSealed("rotate APPLICATION NAME", "Give an authorization new secrets and print them, this once",
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (record, error) {
			made, err := l.Core.RotateAuthorization(ctx, by, args[0], args[1])
			return credentialRecord(args, made), err
		})
}

func (a *app) applicationDisabled(verb string, disabled bool) *cobra.Command {
	short := "Let an application, or one authorization of it, in again"
	if disabled {
		short = "Lock an application out, or one authorization of it"
	}
	return a.do(verb+" APPLICATION [NAME]", short,
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (string, error) {
			said := verb + "d " + strings.Join(args, "/")
			if len(args) == 1 {
				return said, l.Core.SetApplicationDisabled(ctx, by, args[0], disabled)
			}
			return said, l.Core.ChangeAuthorization(ctx, by, args[0], args[1], core.AuthorizationChange{Disabled: core.To(disabled)})
		})
}

func (a *app) applicationAssign(verb string) *cobra.Command {
	short := "Let an authorization use keys that its application did not make"
	if verb == "unassign" {
		short = "Take assigned keys away from an authorization"
	}
	return a.do(verb+" APPLICATION NAME KEY...", short,
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (string, error) {
			in := core.AuthorizationChange{Assign: args[2:]}
			if verb == "unassign" {
				in = core.AuthorizationChange{Unassign: args[2:]}
			}
			return fmt.Sprintf("%sed %s", verb, strings.Join(args[2:], ", ")), l.Core.ChangeAuthorization(ctx, by, args[0], args[1], in)
		})
}

func (a *app) applicationRemove() *cobra.Command {
	return a.do("remove APPLICATION [NAME]", "Remove an application, or one authorization of it; keys stay",
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (string, error) {
			said := "removed " + strings.Join(args, "/")
			if len(args) == 1 {
				return said, l.Core.RemoveApplication(ctx, by, args[0])
			}
			return said, l.Core.RemoveAuthorization(ctx, by, args[0], args[1])
		})
}
