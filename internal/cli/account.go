package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"keyrack/internal/core"
	"keyrack/internal/server"
)

func (a *app) account() *cobra.Command {
	c := group("account", "People and services that own keys",
		a.accountList(), a.accountShow(), a.accountAdd(), a.accountPassword(),
		a.accountDisabled("disable", true), a.accountDisabled("enable", false),
		a.accountPermissions(), a.accountRemove(), a.totp())
	c.SuggestFor = []string{"user", "users", "usr"}
	return c
}

func (a *app) accountList() *cobra.Command {
	var page core.Page
	c := a.list("list", "List accounts", func(ctx context.Context, l *server.Local, by core.Actor, _ []string) ([]record, error) {
		accounts, _, err := l.Core.Accounts(ctx, by, core.AccountQuery{Page: page})
		list := make([]record, len(accounts))
		for i, account := range accounts {
			list[i] = accountRecord(account)
		}
		return list, err
	})
	addPageFlags(c, &page)
	return c
}

func accountRecord(a core.Account) record {
	return record{
		{"login", a.Login}, {"name", a.Name}, {"email", a.Email}, {"roles", roles(a.Roles)},
		{"permissions", permissions(a)},
		{"disabled", a.Disabled}, {"expires_at", a.ExpiresAt}, {"created_at", a.CreatedAt}, {"id", a.UUID.String()},
	}
}

func roles(r core.Roles) []string {
	names := []string{}
	if r.Admin {
		names = append(names, "admin")
	}
	if r.Support {
		names = append(names, "support")
	}
	return names
}

// permissions are what an account was granted, directly and by roles.
func permissions(a core.Account) []string {
	names := []string{}
	for _, r := range a.Granted() {
		names = append(names, string(r))
	}
	return names
}

func (a *app) accountShow() *cobra.Command {
	return a.show("show LOGIN", "Show an account and its keys",
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (record, error) {
			account, err := l.Core.AccountRef(ctx, by, args[0])
			if err != nil {
				return nil, err
			}
			keys, _, err := l.Core.Keys(ctx, by, core.KeyQuery{Where: core.OwnedBy(account.ID)})
			if err != nil {
				return nil, err
			}
			list := make([]record, len(keys))
			for i, k := range keys {
				list[i] = keyRecord(k, account.Login)
			}
			return append(accountRecord(account), field{"keys", list}), nil
		})
}

func (a *app) accountAdd() *cobra.Command {
	var in core.NewAccount
	var withPassword bool
	c := a.do("add LOGIN", "Make an account",
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (string, error) {
			in.Login = args[0]
			if withPassword {
				var err error
				if in.Password, err = a.readPassword(); err != nil {
					return "", err
				}
			}
			account, err := l.Core.AddAccount(ctx, by, in)
			return "added account " + account.Login, err
		})
	f := c.Flags()
	f.StringVar(&in.Name, "name", "", "full name")
	f.StringVar(&in.Email, "email", "", "e-mail address")
	f.BoolVar(&in.Roles.Admin, "admin", false, "may change everything")
	f.BoolVar(&in.Roles.Support, "support", false, "may read everything")
	f.BoolVar(&withPassword, "password-stdin", false, "read a password from standard input")
	return c
}

func (a *app) accountPassword() *cobra.Command {
	return a.do("password LOGIN", "Set an account's password, read from standard input",
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (string, error) {
			password, err := a.readPassword()
			if err != nil {
				return "", err
			}
			account, err := l.Core.AccountRef(ctx, by, args[0])
			if err != nil {
				return "", err
			}
			return "set the password of " + account.Login, l.Core.SetPassword(ctx, by, account.UUID, password)
		})
}

func (a *app) readPassword() (string, error) { return a.readSecret("password") }

// readSecret reads the first line of standard input.
func (a *app) readSecret(what string) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(a.Stdin, 4<<10)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	secret := strings.TrimRight(line, "\r\n")
	if secret == "" {
		return "", usageError{fmt.Errorf("no %s on standard input", what)}
	}
	return secret, nil
}

func (a *app) accountDisabled(verb string, disabled bool) *cobra.Command {
	short := "Let an account in again"
	if disabled {
		short = "Lock an account out: logins and tokens are refused, keys no longer served"
	}
	return a.do(verb+" LOGIN", short,
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (string, error) {
			account, err := l.Core.AccountRef(ctx, by, args[0])
			if err != nil {
				return "", err
			}
			_, err = l.Core.SetAccountDisabled(ctx, by, account.UUID, disabled)
			return verb + "d account " + account.Login, err
		})
}

func (a *app) accountPermissions() *cobra.Command {
	c := a.do("permissions LOGIN [PERMISSION...]", "Set what an account may do to those it shares an organization or location with",
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (string, error) {
			account, err := l.Core.AccountRef(ctx, by, args[0])
			if err != nil {
				return "", err
			}
			var rights []core.Right
			for _, name := range args[1:] {
				rights = append(rights, core.Right(name))
			}
			account, err = l.Core.SetRights(ctx, by, account.UUID, rights)
			return fmt.Sprintf("account %s has the permissions %v", account.Login, permissions(account)), err
		})
	var names []string
	for _, r := range core.Rights {
		names = append(names, string(r))
	}
	c.Long = c.Short + ".\n\nThose given replace those it has; without any it has none. They are:\n  " + strings.Join(names, "\n  ")
	return c
}

func (a *app) accountRemove() *cobra.Command {
	return a.do("remove LOGIN", "Take an account away, with its keys and tokens",
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (string, error) {
			account, err := l.Core.AccountRef(ctx, by, args[0])
			if err != nil {
				return "", err
			}
			_, err = l.Core.RemoveUser(ctx, by, core.Scope{}, account.ID)
			return "removed account " + account.Login, err
		})
}
