package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"keyrack/internal/core"
	"keyrack/internal/server"
)

func (a *app) project() *cobra.Command {
	return group("project", "Owners of sessions and API keys", a.projectList(), a.projectAdd())
}

func (a *app) projectList() *cobra.Command {
	var page core.Page
	c := a.list("list", "List projects", func(ctx context.Context, l *server.Local, by core.Actor, _ []string) ([]record, error) {
		projects, _, err := l.Core.Projects(ctx, by, page)
		list := make([]record, len(projects))
		for i, p := range projects {
			list[i] = record{
				{"name", p.Name}, {"adopt_keys", string(p.Adopt)}, {"prove_keys", p.ProveKeys},
				{"created_at", p.CreatedAt}, {"id", p.UUID.String()},
			}
		}
		return list, err
	})
	addPageFlags(c, &page)
	return c
}

func (a *app) projectAdd() *cobra.Command {
	var in core.NewProject
	adopt := string(core.AdoptOff)
	c := a.do("add NAME", "Make a project",
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (string, error) {
			in.Name, in.Adopt = args[0], core.Adopt(adopt)
			p, err := l.Core.AddProject(ctx, by, in)
			return "added project " + p.Name, err
		})
	f := c.Flags()
	f.StringVar(&in.Organization, "organization", "", "the organization it belongs to")
	f.StringVar(&adopt, "adopt-keys", adopt, "which collected keys go to accounts: off, proven or offered")
	f.BoolVar(&in.ProveKeys, "prove-keys", false, "ask for a signature of every collected key")
	return c
}

func (a *app) apiKey() *cobra.Command {
	return group("apikey", "API keys of projects", a.apiKeyList(), a.apiKeyAdd(), a.apiKeyRemove())
}

func (a *app) apiKeyList() *cobra.Command {
	return a.list("list PROJECT", "List a project's API keys",
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) ([]record, error) {
			keys, err := l.Core.APIKeys(ctx, by, args[0])
			list := make([]record, len(keys))
			for i, k := range keys {
				list[i] = record{{"name", k.Name}, {"created_at", k.CreatedAt}, {"expires_at", k.ExpiresAt}, {"id", k.UUID.String()}}
			}
			return list, err
		})
}

func (a *app) apiKeyAdd() *cobra.Command {
	var days int
	c := a.show("add PROJECT NAME", "Make an API key and print its secret, this once",
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (record, error) {
			secret, err := l.Core.AddAPIKey(ctx, by, core.NewAPIKey{Project: args[0], Name: args[1], ExpiresAt: inDays(days)})
			return record{{"secret", secret.Reveal()}, {"project", args[0]}, {"name", args[1]}}, err
		})
	c.Flags().IntVar(&days, "expires-in-days", 0, "when it ends (0: never)")
	return c
}

func inDays(n int) time.Time {
	if n <= 0 {
		return time.Time{}
	}
	return time.Now().AddDate(0, 0, n)
}

func (a *app) apiKeyRemove() *cobra.Command {
	return a.do("remove PROJECT NAME", "Revoke an API key at once",
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (string, error) {
			return fmt.Sprintf("removed API key %s of %s", args[1], args[0]), l.Core.RemoveAPIKey(ctx, by, args[0], args[1])
		})
}

func (a *app) token() *cobra.Command {
	return group("token", "Tokens of accounts", a.tokenList(), a.tokenAdd(), a.tokenRemove())
}

func (a *app) tokenList() *cobra.Command {
	return a.list("list LOGIN", "List an account's tokens",
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) ([]record, error) {
			tokens, err := l.Core.Tokens(ctx, by, args[0])
			list := make([]record, len(tokens))
			for i, t := range tokens {
				list[i] = record{
					{"name", t.Name}, {"use", string(t.Use)}, {"created_at", t.CreatedAt}, {"expires_at", t.ExpiresAt}, {"id", t.UUID.String()},
				}
			}
			return list, err
		})
}

func (a *app) tokenAdd() *cobra.Command {
	var use string
	var days int
	c := a.show("add LOGIN NAME", "Make a token and print its secret, this once",
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (record, error) {
			secret, err := l.Core.AddToken(ctx, by, core.NewToken{
				Account: args[0], Name: args[1], Use: core.TokenUse(use), ExpiresAt: inDays(days),
			})
			return record{{"secret", secret.Reveal()}, {"account", args[0]}, {"name", args[1]}, {"use", use}}, err
		})
	addUseFlag(c, &use)
	c.Flags().IntVar(&days, "expires-in-days", 0, "when it ends (0: never)")
	return c
}

func addUseFlag(c *cobra.Command, use *string) {
	c.Flags().StringVar(use, "use", "", fmt.Sprintf("what it is for: one of %v", core.TokenUses))
	_ = c.MarkFlagRequired("use") // fails for an unknown flag only
}

func (a *app) tokenRemove() *cobra.Command {
	var use string
	c := a.do("remove LOGIN NAME", "Revoke a token at once",
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (string, error) {
			return fmt.Sprintf("removed token %s of %s", args[1], args[0]),
				l.Core.RemoveToken(ctx, by, args[0], core.TokenUse(use), args[1])
		})
	addUseFlag(c, &use)
	return c
}
