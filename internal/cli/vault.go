package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"keyrack/internal/core"
	"keyrack/internal/server"
)

func (a *app) vault() *cobra.Command {
	return group("vault", "Private keys of machines", a.vaultList(), a.vaultShow(), a.vaultVersions(), a.vaultImport(),
		a.vaultSwitch("enable", "Let a key be read again", true), a.vaultSwitch("disable", "Let nobody read a key", false),
		a.vaultRelease(), a.vaultPolicies(), a.vaultStatus(), a.vaultRotate(), a.vaultRewrap())
}

const keyRef = " (KEY: identifier, UUID, or number)"

func (a *app) vaultList() *cobra.Command {
	var device string
	var q core.ManagedKeyQuery
	c := a.list("list", "List the keys in the vault",
		func(ctx context.Context, l *server.Local, by core.Actor, _ []string) ([]record, error) {
			if device != "" {
				d, err := l.Core.Device(ctx, by, device)
				if err != nil {
					return nil, err
				}
				q.AnyDevice = d.ID
			}
			keys, _, err := l.Core.ManagedKeys(ctx, by, q)
			list := make([]record, len(keys))
			for i, k := range keys {
				list[i] = managedKeyRecord(k)
			}
			return list, err
		})
	c.Flags().StringVar(&device, "device", "", "only keys for this device (hostname, or number)")
	addPageFlags(c, &q.Page)
	return c
}

func managedKeyRecord(k core.ManagedKeyDetail) record {
	return record{
		{"identifier", k.Identifier}, {"device", k.On.Hostname}, {"username", k.Username}, {"name", k.Name},
		{"version", k.Version}, {"enabled", !k.Disabled}, {"changed_at", k.ChangedAt}, {"viewed_at", k.ViewedAt},
		{"number", int64(k.ID)}, {"id", k.UUID.String()},
	}
}

func (a *app) vaultShow() *cobra.Command {
	var reveal bool
	var version int
	c := &cobra.Command{
		Use: "show KEY", Short: "Show a key; its secrets only with --reveal, which is recorded" + keyRef,
		RunE: func(c *cobra.Command, args []string) error {
			return a.local(c.Context(), server.Need{Vault: reveal}, func(ctx context.Context, l *server.Local, by core.Actor) error {
				r, err := shownKey(ctx, l, by, args[0], reveal, version)
				if err != nil {
					return err
				}
				return writeOne(a.Stdout, a.output, r)
			})
		},
	}
	c.Flags().BoolVar(&reveal, "reveal", false, "show the private key and its passphrase; the audit record tells of it")
	c.Flags().IntVar(&version, "version", 0, "the version to reveal (default: the current one)")
	return c
}

func shownKey(ctx context.Context, l *server.Local, by core.Actor, ref string, reveal bool, version int) (record, error) {
	k, err := l.Core.ManagedKeyRef(ctx, by, ref)
	if err != nil {
		return nil, err
	}
	r, err := managedKeyDetail(ctx, l, by, k)
	if err != nil || !reveal {
		return r, err
	}
	m, err := l.Core.RevealManagedKey(ctx, by, k.ID, version)
	if err != nil {
		return nil, err
	}
	return append(r, field{"revealed_version", m.Number}, field{"public_key", m.PublicKey},
		field{"private_key", m.PrivateKey.Reveal()}, field{"passphrase", m.Passphrase.Reveal()}), nil
}

func managedKeyDetail(ctx context.Context, l *server.Local, by core.Actor, k core.ManagedKeyDetail) (record, error) {
	also := make([]string, len(k.Also))
	for i, d := range k.Also {
		also[i] = d.Hostname
	}
	held, err := l.Core.Custodies(ctx, by, k.ID)
	custody := make([]record, len(held))
	for i, c := range held {
		custody[i] = record{{"holder", c.Holder}, {"since", c.Since}, {"until", c.Until}}
	}
	return append(managedKeyRecord(k), field{"additional_devices", also}, field{"tags", k.Tags},
		field{"expires_at", k.ExpiresAt}, field{"created_at", k.CreatedAt}, field{"updated_at", k.UpdatedAt},
		field{"custody", custody}), err
}

func (a *app) vaultVersions() *cobra.Command {
	return a.list("versions KEY", "List the versions of a key"+keyRef,
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) ([]record, error) {
			k, err := l.Core.ManagedKeyRef(ctx, by, args[0])
			if err != nil {
				return nil, err
			}
			versions, err := l.Core.ManagedKeyVersions(ctx, by, k.ID)
			list := make([]record, len(versions))
			for i, v := range versions {
				list[i] = record{
					{"version", v.Number}, {"at", v.At}, {"by", strings.TrimSpace(v.ActorKind.String() + " " + v.ActorName)},
					{"passphrase", v.Passphrase != nil}, {"public_key", v.PublicKey},
				}
			}
			return list, err
		})
}

func (a *app) vaultSwitch(verb, short string, on bool) *cobra.Command {
	return a.do(verb+" KEY", short+keyRef,
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (string, error) {
			k, err := l.Core.ManagedKeyRef(ctx, by, args[0])
			if err != nil {
				return "", err
			}
			_, err = l.Core.SetManagedKeyEnabled(ctx, by, k.ID, on)
			return verb + "d key " + k.Identifier, err
		})
}

func (a *app) vaultRelease() *cobra.Command {
	return a.do("release KEY HOLDER", "End the custody of somebody who has read a key, as `vault show` names him"+keyRef,
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (string, error) {
			k, err := l.Core.ManagedKeyRef(ctx, by, args[0])
			if err != nil {
				return "", err
			}
			return fmt.Sprintf("released %s from %s", k.Identifier, args[1]), l.Core.ReleaseCustody(ctx, by, k.ID, args[1])
		})
}

func (a *app) vaultPolicies() *cobra.Command {
	return a.list("policies", "List how long keys are good for",
		func(ctx context.Context, l *server.Local, by core.Actor, _ []string) ([]record, error) {
			policies, err := l.Core.Policies(ctx, by)
			list := make([]record, len(policies))
			for i, p := range policies {
				list[i] = record{
					{"name", p.Name}, {"priority", p.Priority}, {"enabled", !p.Disabled}, {"view_time", p.ViewTime.String()},
					{"max_age", p.MaxAge.String()}, {"exclusive", p.Exclusive}, {"hostnames", p.Hostnames}, {"types", p.Types},
					{"models", p.Models}, {"sites", p.Sites}, {"tags", p.Tags},
				}
			}
			return list, err
		})
}
