package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"keyrack/internal/backup"
	"keyrack/internal/core"
	"keyrack/internal/server"
)

func (a *app) backup() *cobra.Command {
	return group("backup", "Copies of the whole store, encrypted with age", a.backupCreate(), a.backupVerify(), a.backupRestore())
}

func (a *app) backupCreate() *cobra.Command {
	o := server.BackupOptions{Program: programVersion()}
	var recipients, lists []string
	c := &cobra.Command{
		Use: "create FILE", Short: "Write the store as it is now to an encrypted file",
		Long: "Writes the store as it is at this moment, the key set of its vault and the host keys of the\n" +
			"data directory to FILE, encrypted to the recipients. Servers go on meanwhile. The master key is\n" +
			"left out unless asked for: keep it apart. Interrupting leaves nothing.",
		RunE: func(c *cobra.Command, args []string) error {
			to, err := recipientsOf(recipients, lists)
			if err != nil {
				return usageError{err}
			}
			o.File, o.Recipients = args[0], to
			ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			err = a.backUp(ctx, o)
			if err != nil && ctx.Err() != nil {
				return fmt.Errorf("interrupted, nothing was written: %w", err)
			}
			return err
		},
	}
	f := c.Flags()
	f.StringArrayVarP(&recipients, "recipient", "r", nil, "age recipient who can open it, as age1...; repeatable")
	f.StringArrayVarP(&lists, "recipients-file", "R", nil, "file with a recipient a line; repeatable")
	f.BoolVar(&o.MasterKey, "with-master-key", false, "put the master key in, too: whoever opens the backup can read every secret")
	return c
}

// recipientsOf reads recipients from flags and files. Nobody is no recipient:
// backups are encrypted.
func recipientsOf(given, lists []string) (to []age.Recipient, err error) {
	for _, text := range given {
		more, err := age.ParseRecipients(strings.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("--recipient: %w", err)
		}
		to = append(to, more...)
	}
	for _, path := range lists {
		more, err := parsed(path, age.ParseRecipients)
		if err != nil {
			return nil, fmt.Errorf("--recipients-file: %w", err)
		}
		to = append(to, more...)
	}
	if len(to) == 0 {
		return nil, errors.New("a backup is encrypted: name who can open it by --recipient age1... or --recipients-file FILE; `age-keygen -o FILE` makes a key and prints its recipient")
	}
	return to, nil
}

func parsed[T any](path string, parse func(io.Reader) ([]T, error)) (list []T, err error) {
	f, err := os.Open(path) // #nosec G304 -- the operator names it
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if list, err = parse(f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return list, nil
}

func (a *app) backUp(ctx context.Context, o server.BackupOptions) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	return a.on(ctx, c, server.Need{AnyVersion: true}, func(ctx context.Context, l *server.Local, _ core.Actor) error {
		m, rows, err := l.BackUp(ctx, c, o)
		if err != nil {
			return err
		}
		return writeOne(a.Stdout, a.output, append(record{{"file", o.File}}, described(m, rows)...))
	})
}

func described(m backup.Manifest, rows int64) record {
	return record{{"id", m.ID}, {"created", m.Created}, {"store", m.Store}, {"schema", m.Schema}, {"rows", rows}, {"files", m.Files}}
}

// opened makes a command that reads a backup.
func (a *app) opened(use, short, long string, do func(ctx context.Context, file string, b *backup.Reader) error) *cobra.Command {
	var identities []string
	c := &cobra.Command{Use: use, Short: short, Long: long, RunE: func(c *cobra.Command, args []string) (err error) {
		var with []age.Identity
		for _, path := range identities {
			more, err := parsed(path, age.ParseIdentities)
			if err != nil {
				return usageError{fmt.Errorf("--identity: %w", err)}
			}
			with = append(with, more...)
		}
		b, closeFile, err := server.OpenBackup(args[0], with)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, closeFile()) }()
		return do(c.Context(), args[0], b)
	}}
	c.Flags().StringArrayVarP(&identities, "identity", "i", nil, "file with the age identity that opens it; repeatable")
	_ = c.MarkFlagRequired("identity") // fails for an unknown flag only
	return c
}

func (a *app) backupVerify() *cobra.Command {
	return a.opened("verify FILE", "Restore a backup into a place to throw away, and look at it",
		"Reads the backup to its end, restores it into a temporary database, brings that to this program's\n"+
			"version and checks it as `keyrack db check` does. The vault is opened where the master key is there.",
		func(ctx context.Context, file string, b *backup.Reader) error {
			c, err := a.config()
			if err != nil {
				return err
			}
			found, err := server.VerifyBackup(ctx, c, a.logger(slog.LevelWarn), b)
			if err != nil {
				return err
			}
			r := append(record{{"file", file}}, described(found.Manifest, found.Rows)...)
			if err := writeOne(a.Stdout, a.output, append(r, field{"vault", vaultState(found)}, field{"findings", len(found.Findings)})); err != nil {
				return err
			}
			for _, f := range found.Findings {
				a.say("%s", printable(fmt.Sprint(f)))
			}
			if len(found.Findings) > 0 {
				return errNegative
			}
			return nil
		})
}

func vaultState(of server.Backed) string {
	if of.Keyless != "" {
		return "not tried: no master key in " + of.Keyless
	}
	return "opens"
}

func (a *app) backupRestore() *cobra.Command {
	return a.opened("restore FILE", "Make the store of a backup anew where there is none",
		"Restores into the data directory and the database that the configuration names, which must hold\n"+
			"nothing. A backup of SQLite can be restored to PostgreSQL, and the other way round. The master key,\n"+
			"where the backup is without it, has to be there before.",
		func(ctx context.Context, file string, b *backup.Reader) error {
			c, err := a.config()
			if err != nil {
				return err
			}
			if err := server.Restore(ctx, c, a.logger(slog.LevelWarn), b); err != nil {
				return err
			}
			a.say("restored %d rows of %s, from %s; `keyrack serve` goes on from there", b.Count(), printable(file), b.Manifest.Created.Format("2006-01-02 15:04:05 MST"))
			return nil
		})
}
