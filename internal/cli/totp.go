package cli

import (
	"context"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"keyrack/internal/core"
	"keyrack/internal/server"
)

func (a *app) totp() *cobra.Command {
	return group("totp", "The second factor of an account: codes of an app",
		a.totpShow(), a.totpEnrol(), a.totpConfirm(), a.totpRemove())
}

func (a *app) totpShow() *cobra.Command {
	return a.show("show LOGIN", "Show whether an account has a second factor",
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (record, error) {
			account, err := l.Core.AccountRef(ctx, by, args[0])
			if err != nil {
				return nil, err
			}
			f, err := l.Core.SecondFactor(ctx, by, account.UUID)
			return record{{"account", account.Login}, {"confirmed_at", f.ConfirmedAt}, {"created_at", f.CreatedAt}}, err
		})
}

func (a *app) totpEnrol() *cobra.Command {
	c := &cobra.Command{
		Use: "enrol LOGIN", Short: "Make a second factor and print its otpauth URI, this once",
		Long: "Make a second factor for an account and print its otpauth URI, this once. An app reads it\n" +
			"(as a QR code, made with qrencode for example). It is asked for once `account totp confirm`\n" +
			"was given a code of the app. Until then, enrolling again makes another.",
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		return a.local(c.Context(), server.Need{Vault: true}, func(ctx context.Context, l *server.Local, by core.Actor) error {
			account, err := l.Core.AccountRef(ctx, by, args[0])
			if err != nil {
				return err
			}
			uri, err := l.Core.EnrolSecondFactor(ctx, by, account.UUID)
			if err != nil {
				return err
			}
			return writeOne(a.Stdout, a.output, record{{"uri", uri.Reveal()}, {"account", account.Login}})
		})
	}
	return c
}

func (a *app) totpConfirm() *cobra.Command {
	return a.totpChange("confirm LOGIN", "Turn a second factor on, with a code of the app on standard input", "the second factor is on for",
		func(ctx context.Context, s *core.Service, by core.Actor, id uuid.UUID) error {
			code, err := a.readSecret("code")
			if err != nil {
				return err
			}
			return s.ConfirmSecondFactor(ctx, by, id, code)
		})
}

func (a *app) totpRemove() *cobra.Command {
	return a.totpChange("remove LOGIN", "Take a second factor away, as for those who have lost it", "removed the second factor of",
		func(ctx context.Context, s *core.Service, by core.Actor, id uuid.UUID) error {
			return s.RemoveSecondFactor(ctx, by, id)
		})
}

func (a *app) totpChange(use, short, said string, change func(context.Context, *core.Service, core.Actor, uuid.UUID) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, RunE: func(c *cobra.Command, args []string) error {
		return a.local(c.Context(), server.Need{Vault: true}, func(ctx context.Context, l *server.Local, by core.Actor) error {
			account, err := l.Core.AccountRef(ctx, by, args[0])
			if err != nil {
				return err
			}
			if err := change(ctx, l.Core, by, account.UUID); err != nil {
				return err
			}
			a.say("%s", printable(said+" "+account.Login))
			return nil
		})
	}}
}
