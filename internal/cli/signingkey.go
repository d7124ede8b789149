package cli

import (
	"context"

	"github.com/spf13/cobra"

	"keyrack/internal/core"
	"keyrack/internal/server"
)

func (a *app) signingKey() *cobra.Command {
	return group("signing-key", "Keys that sign the tokens of logins", a.signingKeyList(), a.signingKeyRotate())
}

func (a *app) signingKeyList() *cobra.Command {
	return a.list("list", "List signing keys, the newest first",
		func(ctx context.Context, l *server.Local, by core.Actor, _ []string) ([]record, error) {
			keys, err := l.Core.SigningKeys(ctx, by)
			list := make([]record, len(keys))
			for i, k := range keys {
				list[i] = signingKeyRecord(k)
			}
			return list, err
		})
}

func signingKeyRecord(k core.SigningKey) record {
	return record{{"id", k.UUID.String()}, {"created_at", k.CreatedAt}, {"retired_at", k.RetiredAt}}
}

func (a *app) signingKeyRotate() *cobra.Command {
	var atOnce bool
	c := &cobra.Command{
		Use: "rotate", Short: "Sign with a new key from now on",
		Long: "Sign with a new key from now on. Tokens signed with the earlier one count to their end,\n" +
			"within the hour, and nobody notices. With --at-once they do not, as is needed when the key\n" +
			"was stolen: everybody logs in again.",
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		return a.local(c.Context(), server.Need{Vault: true}, func(ctx context.Context, l *server.Local, by core.Actor) error {
			k, err := l.Core.RotateSigningKey(ctx, by, atOnce)
			if err != nil {
				return err
			}
			return writeOne(a.Stdout, a.output, signingKeyRecord(k))
		})
	}
	c.Flags().BoolVar(&atOnce, "at-once", false, "tokens signed with the earlier keys end now")
	return c
}
