package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keyrack/internal/core"
	"keyrack/internal/server"
	"keyrack/internal/transit"
	"keyrack/internal/vault"
)

func (a *app) vaultStatus() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show the keys that seal, and how much each has sealed",
		RunE: func(c *cobra.Command, _ []string) error {
			return a.local(c.Context(), server.Need{Vault: true}, func(ctx context.Context, l *server.Local, by core.Actor) error {
				counts, err := l.Core.SealedCounts(ctx, by)
				if err != nil {
					return err
				}
				keys, err := l.Vault.Keys()
				if err != nil {
					return err
				}
				return writeList(a.Stdout, a.output, sealingRecords(keys, counts))
			})
		},
	}
}

// sealingRecords gives a line a key. Secrets whose key is not there any more
// get lines too: they are lost.
func sealingRecords(keys []vault.Key, counts []core.SealedCount) []record {
	for _, c := range counts {
		if !slices.ContainsFunc(keys, func(k vault.Key) bool { return k.ID == c.Key }) {
			keys = append(keys, vault.Key{ID: c.Key})
		}
	}
	list := make([]record, len(keys))
	for i, k := range keys {
		state := "opens"
		switch {
		case k.Primary:
			state = "seals"
		case k.Staged:
			state = "added"
		}
		sealed := 0
		var of []string
		for _, c := range counts {
			if c.Key == k.ID {
				sealed += c.Count
				of = append(of, fmt.Sprintf("%s: %d", c.Place, c.Count))
			}
		}
		list[i] = record{{"key", fmt.Sprintf("%08x", k.ID)}, {"state", state}, {"sealed", sealed}, {"what", of}}
	}
	return list
}

// The steps of a rotation.
var rotationSteps = []string{"add", "promote", "reseal", "drop"}

func (a *app) vaultRotate() *cobra.Command {
	var only string
	c := &cobra.Command{
		Use: "rotate", Short: "Make a new key for the vault and seal everything with it anew",
		Long: "Makes a new key, seals everything with it anew, and takes away old keys that nothing is sealed\n" +
			"with any more. Servers may run meanwhile. What was interrupted goes on with the next run.\n\n" +
			"Where servers have copies of the key set file, one step a time and the file copied to all of\n" +
			"them in between: --only add, --only promote, --only reseal, --only drop.",
		RunE: func(c *cobra.Command, _ []string) error {
			if only != "" && !slices.Contains(rotationSteps, only) {
				return usageError{fmt.Errorf("--only must be one of %s", strings.Join(rotationSteps, ", "))}
			}
			return a.local(c.Context(), server.Need{Vault: true}, func(ctx context.Context, l *server.Local, by core.Actor) error {
				return (&rotation{app: a, Local: l, by: by}).run(ctx, only)
			})
		},
	}
	c.Flags().StringVar(&only, "only", "", "one step: "+strings.Join(rotationSteps, ", "))
	return c
}

// rotation is one run of `vault rotate`.
type rotation struct {
	*app
	*server.Local
	by core.Actor
}

func (r *rotation) run(ctx context.Context, only string) error {
	steps := map[string]func(context.Context) error{"add": r.add, "promote": r.promote, "reseal": r.reseal, "drop": r.drop}
	if only != "" {
		return steps[only](ctx)
	}
	old, err := r.old(ctx)
	if err != nil {
		return err
	}
	todo := []func(context.Context) error{r.add, r.promote, r.reseal}
	if old > 0 {
		r.say("%d secrets are sealed by older keys: going on with the last rotation", old)
		todo = []func(context.Context) error{r.reseal}
	}
	for _, step := range todo {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if err := r.drop(ctx); !errors.Is(err, vault.ErrNotYet) {
		return err
	}
	r.say("old keys stay for a minute, for what is being written now; then `keyrack vault rotate --only drop` takes them away")
	return nil
}

// old counts what the key that seals has not sealed.
func (r *rotation) old(ctx context.Context) (n int, err error) {
	counts, err := r.Core.SealedCounts(ctx, r.by)
	if err != nil {
		return 0, err
	}
	primary, err := r.primary()
	for _, c := range counts {
		if c.Key != primary {
			n += c.Count
		}
	}
	return n, err
}

func (r *rotation) primary() (uint32, error) {
	keys, err := r.Vault.Keys()
	for _, k := range keys {
		if k.Primary {
			return k.ID, err
		}
	}
	return 0, err
}

func (r *rotation) add(ctx context.Context) error {
	id, err := r.Vault.AddKey()
	if err != nil {
		return err
	}
	r.say("added key %08x", id)
	return r.Core.RecordVaultChange(ctx, r.by, "rotate", fmt.Sprintf("key %08x", id))
}

func (r *rotation) promote(ctx context.Context) error {
	if err := r.Vault.Promote(time.Now()); err != nil {
		return err
	}
	id, err := r.primary()
	if err != nil {
		return err
	}
	r.say("key %08x seals from now on", id)
	return r.Core.RecordVaultChange(ctx, r.by, "promote", fmt.Sprintf("key %08x", id))
}

// resealBatch is how much is sealed anew in one transaction: little enough to
// let servers write in between.
const resealBatch = 100

func (r *rotation) reseal(ctx context.Context) error {
	sealed, damaged := 0, 0
	for _, place := range core.SealedPlaces() {
		for after, more := int64(0), true; more; more = after != 0 {
			done, err := r.Core.Reseal(ctx, r.by, place, after, resealBatch)
			if err != nil {
				return err
			}
			after, sealed, damaged = done.Next, sealed+done.Sealed, damaged+len(done.Damaged)
			for _, what := range done.Damaged {
				r.say("%s", printable("keyrack: does not open, and is left as it is: "+what))
			}
		}
	}
	r.say("sealed %d secrets anew", sealed)
	if damaged > 0 {
		return fmt.Errorf("%w: %d secrets do not open", errPartly, damaged)
	}
	return nil
}

func (r *rotation) drop(ctx context.Context) error {
	counts, err := r.Core.SealedCounts(ctx, r.by)
	if err != nil {
		return err
	}
	inUse := func(key uint32) bool {
		return slices.ContainsFunc(counts, func(c core.SealedCount) bool { return c.Key == key && c.Count > 0 })
	}
	gone, err := r.Vault.Drop(time.Now(), inUse)
	if err != nil || gone == nil {
		return err
	}
	text := make([]string, len(gone))
	for i, id := range gone {
		text[i] = fmt.Sprintf("%08x", id)
	}
	r.say("took away key %s", strings.Join(text, ", "))
	return r.Core.RecordVaultChange(ctx, r.by, "drop", "key "+strings.Join(text, " "))
}

func (a *app) vaultRewrap() *cobra.Command {
	var file, uri string
	c := &cobra.Command{
		Use: "rewrap", Short: "Wrap the vault's keys by a new master key; the secrets stay as they are",
		Long: "Makes a new master key and puts it in the place of the old one, which then opens nothing; a key in a\n" +
			"key management service wraps anew, by its newest version. Or, with --master-key-file, wraps the keys\n" +
			"by the key of another file, which is made if it is not there, and with --master-key-uri by a key in a\n" +
			"key management service. The configuration has to name that file or URI before the next start.",
		RunE: func(c *cobra.Command, _ []string) error {
			if uri != "" {
				if err := transit.CheckURI(uri); err != nil {
					return usageError{fmt.Errorf("--master-key-uri %w", err)}
				}
			}
			return a.local(c.Context(), server.Need{Vault: true}, func(ctx context.Context, l *server.Local, by core.Actor) error {
				return a.rewrap(ctx, l, by, file, uri)
			})
		},
	}
	c.Flags().StringVar(&file, "master-key-file", "", "the file of the new master key (default: the configured one, replaced)")
	c.Flags().StringVar(&uri, "master-key-uri", "", "the new master key in a key management service")
	c.MarkFlagsMutuallyExclusive("master-key-file", "master-key-uri")
	return c
}

func (a *app) rewrap(ctx context.Context, l *server.Local, by core.Actor, file, uri string) error {
	is := l.Vault.Options()
	to := is
	if file != "" || uri != "" {
		to.MasterKeyFile, to.MasterKeyURI = file, uri
	}
	if err := l.Vault.Rewrap(to); err != nil {
		return err
	}
	switch {
	case to.MasterKeyURI == "":
		a.say("the vault's keys are wrapped by a new master key in %s; back it up, apart from the database", printable(to.MasterKeyFile))
	case to.MasterKeyURI == is.MasterKeyURI:
		a.say("the vault's keys are wrapped anew by %s", printable(to.MasterKeyURI))
	default:
		a.say("the vault's keys are wrapped by %s, which master_key_uri in the configuration has to name from now on", printable(to.MasterKeyURI))
	}
	return l.Core.RecordVaultChange(ctx, by, "rewrap", cmp.Or(to.MasterKeyURI, to.MasterKeyFile))
}
