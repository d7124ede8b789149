package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"keyrack/internal/core"
	"keyrack/internal/server"
	"keyrack/internal/sshkey"
)

func (a *app) key() *cobra.Command {
	return group("key", "Public keys of accounts", a.keyList(), a.keyShow(), a.keyAdd(), a.keyImport(), a.keyRemove(), a.keyShare(), a.keyUnshare())
}

func (a *app) keyList() *cobra.Command {
	var owner, fingerprint string
	var page core.Page
	c := a.list("list", "List keys", func(ctx context.Context, l *server.Local, by core.Actor, _ []string) ([]record, error) {
		where, err := keyFilter(ctx, l, by, owner, fingerprint)
		if err != nil {
			return nil, err
		}
		keys, _, err := l.Core.Keys(ctx, by, core.KeyQuery{Where: where, Page: page})
		if err != nil {
			return nil, err
		}
		return keyRecords(ctx, l, by, keys)
	})
	c.Flags().StringVar(&owner, "owner", "", "only keys of this account (login, UUID or e-mail)")
	c.Flags().StringVar(&fingerprint, "fingerprint", "", "only this key, by fingerprint in any spelling")
	addPageFlags(c, &page)
	return c
}

func addPageFlags(c *cobra.Command, p *core.Page) {
	c.Flags().IntVar(&p.Limit, "limit", 0, "at most so many (0: all)")
	c.Flags().IntVar(&p.Offset, "offset", 0, "leave out the first so many")
}

func keyFilter(ctx context.Context, l *server.Local, by core.Actor, owner, fingerprint string) (core.Filter, error) {
	var where core.And
	if owner != "" {
		account, err := l.Core.AccountRef(ctx, by, owner)
		if err != nil {
			return nil, err
		}
		where = append(where, core.OwnedBy(account.ID))
	}
	if fingerprint != "" {
		f, err := sshkey.ParseFingerprint(fingerprint)
		if err != nil {
			return nil, usageError{err}
		}
		where = append(where, core.HasFingerprint(f))
	}
	return where, nil
}

// keyRecords names the owners of keys beside them.
func keyRecords(ctx context.Context, l *server.Local, by core.Actor, keys []core.Key) ([]record, error) {
	accounts, _, err := l.Core.Accounts(ctx, by, core.AccountQuery{})
	if err != nil {
		return nil, err
	}
	logins := make(map[core.AccountID]string, len(accounts))
	for _, account := range accounts {
		logins[account.ID] = account.Login
	}
	list := make([]record, len(keys))
	for i, k := range keys {
		list[i] = keyRecord(k, logins[k.Owner])
	}
	return list, nil
}

func keyRecord(k core.Key, owner string) record {
	return record{
		{"id", k.UUID.String()}, {"owner", owner}, {"name", k.Name},
		{"algorithm", k.Public.Algorithm()}, {"bits", k.Public.Bits()},
		{"fingerprint", k.Public.SHA256().String()}, {"shared", k.Shared}, {"created_at", k.CreatedAt},
	}
}

func (a *app) keyShow() *cobra.Command {
	return a.show("show KEY", "Show a key with its evidence and its history (KEY: id, or LOGIN/NAME)",
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (record, error) {
			id, err := keyID(ctx, l, by, args[0])
			if err != nil {
				return nil, err
			}
			d, err := l.Core.Key(ctx, by, id)
			if err != nil {
				return nil, err
			}
			return keyDetail(d), nil
		})
}

func keyDetail(d core.KeyDetail) record {
	r := keyRecord(d.Key, d.OwnerLogin)
	evidence := make([]record, len(d.Evidence))
	for i, e := range d.Evidence {
		evidence[i] = record{{"grade", string(e.Grade)}, {"at", e.At}, {"address", address(e.Address)}, {"client_version", e.ClientVersion}}
	}
	revisions := make([]record, len(d.Revisions))
	for i, v := range d.Revisions {
		revisions[i] = record{
			{"number", v.Number}, {"action", string(v.Action)}, {"at", v.At},
			{"by", strings.TrimSpace(v.ActorKind.String() + " " + v.ActorName)}, {"comment", v.Comment},
		}
	}
	return append(r,
		field{"md5", d.Public.MD5().String()}, field{"sha512", d.Public.SHA512().String()},
		field{"public_key", d.Public.String()}, field{"evidence", evidence}, field{"revisions", revisions},
	)
}

// keyID finds a key by its UUID, or by its owner's login and its name.
func keyID(ctx context.Context, l *server.Local, by core.Actor, ref string) (uuid.UUID, error) {
	if id, err := uuid.Parse(ref); err == nil {
		return id, nil
	}
	login, name, ok := strings.Cut(ref, "/")
	if !ok {
		return uuid.UUID{}, usageError{fmt.Errorf("%q is neither a key's id nor LOGIN/NAME", ref)}
	}
	account, err := l.Core.AccountRef(ctx, by, login)
	if err != nil {
		return uuid.UUID{}, err
	}
	named := core.And{core.OwnedBy(account.ID), core.Compare{Attribute: core.KeyNameAttr, Op: core.Equal, Value: name}}
	keys, _, err := l.Core.Keys(ctx, by, core.KeyQuery{Where: named, Page: core.Page{Limit: 1}})
	switch {
	case err != nil:
		return uuid.UUID{}, err
	case len(keys) == 0:
		return uuid.UUID{}, core.Errorf(core.NotFound, "%s has no key named %q", login, name)
	}
	return keys[0].UUID, nil
}

func (a *app) keyAdd() *cobra.Command {
	var name string
	c := a.do("add LOGIN [FILE]", "Give an account a public key, from FILE or standard input",
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (string, error) {
			text, err := a.readInput(args[1:])
			if err != nil {
				return "", err
			}
			account, err := l.Core.AccountRef(ctx, by, args[0])
			if err != nil {
				return "", err
			}
			k, err := l.Core.AddKey(ctx, by, core.NewKey{
				Owner: account.ID, Name: nameOr(name, text), Text: text,
				Unique: core.Uniqueness{Name: true, Key: true},
			})
			if err != nil {
				return "", err
			}
			return fmt.Sprintf("added %s %s (%s) to %s", k.Public.Algorithm(), k.Public.SHA256(), k.Name, account.Login), nil
		})
	c.Flags().StringVar(&name, "name", "", "the key's name (default: its comment)")
	return c
}

// maxKeyFile is more than any public key needs.
const maxKeyFile = 64 << 10

// readInput reads the one file of args, standard input where there is none.
func (a *app) readInput(args []string) (string, error) {
	in := a.Stdin
	if len(args) > 0 && args[0] != "-" {
		f, err := os.Open(args[0])
		if err != nil {
			return "", usageError{err}
		}
		defer func() { _ = f.Close() }() // only read
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxKeyFile+1))
	if len(text) > maxKeyFile {
		return "", usageError{fmt.Errorf("the input is longer than %d bytes; give one public key", maxKeyFile)}
	}
	return strings.TrimSpace(string(text)), err
}

// nameOr is the given name, or the comment of the key text.
func nameOr(name, text string) string {
	if name != "" {
		return name
	}
	line, err := sshkey.Parse(text)
	if err != nil {
		return "" // adding the key will say what is wrong with it
	}
	return line.Comment
}

func (a *app) keyRemove() *cobra.Command {
	var comment string
	c := a.do("remove KEY", "Take a key away at once; its history stays (KEY: id, or LOGIN/NAME)",
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (string, error) {
			id, err := keyID(ctx, l, by, args[0])
			if err != nil {
				return "", err
			}
			return "removed key " + id.String(), l.Core.RemoveKey(ctx, by, id, comment)
		})
	c.Flags().StringVar(&comment, "comment", "", "why, for the key's history")
	return c
}

func (a *app) keyShare() *cobra.Command {
	return a.keyDo("share KEY", "Let every account see a key (KEY: id, or LOGIN/NAME)", "shared key ", (*core.Service).ShareKey)
}

func (a *app) keyUnshare() *cobra.Command {
	return a.keyDo("unshare KEY", "Let a key be its owner's alone again (KEY: id, or LOGIN/NAME)", "unshared key ", (*core.Service).UnshareKey)
}

// keyDo is a command that does one thing to one key.
func (a *app) keyDo(use, short, done string, do func(*core.Service, context.Context, core.Actor, uuid.UUID) error) *cobra.Command {
	return a.do(use, short,
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (string, error) {
			id, err := keyID(ctx, l, by, args[0])
			if err != nil {
				return "", err
			}
			return done + id.String(), do(l.Core, ctx, by, id)
		})
}
