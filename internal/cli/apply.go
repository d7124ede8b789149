package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"keyrack/internal/apply"
	"keyrack/internal/config"
	"keyrack/internal/core"
	"keyrack/internal/server"
)

func (a *app) apply() *cobra.Command {
	var file string
	var dryRun bool
	c := &cobra.Command{
		Use:   "apply -f FILE",
		Short: "Make the store match a file",
		Long: "Makes the store match a YAML file of accounts, projects, devices, applications and\n" +
			"settings, and prints what it changed. What the file does not name stays as it is.\n" +
			"If anything is wrong, all of it is said and nothing is changed.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			want, err := a.readApplyFile(file)
			if err != nil {
				return err
			}
			do := func(ctx context.Context, l *server.Local, by core.Actor) error {
				changes, err := l.Core.Apply(ctx, by, want.Desired(), dryRun)
				if err != nil {
					return want.Explain(err)
				}
				return a.showChanges(changes, dryRun)
			}
			err = a.local(c.Context(), server.Need{Create: !dryRun, Vault: true}, do)
			if dryRun && errors.Is(err, server.ErrNoStore) {
				return a.onEmptyStore(c.Context(), do)
			}
			return err
		},
	}
	c.Flags().StringVarP(&file, "file", "f", "", "the file; - is standard input")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "print what would change, and change nothing")
	_ = c.MarkFlagRequired("file") // fails for an unknown flag only
	return c
}

// readGC is how much garbage there may be beside what is in use, in percent, while
// a file is read: a large one, which is there as a whole, should not take its size
// twice.
const readGC = 30

// maxApplyFile is what package apply reads at most.
const maxApplyFile = 64 << 20

// onEmptyStore works on a store such as applying a file for real would make.
func (a *app) onEmptyStore(ctx context.Context, do work) error {
	return throwAway(func(c config.Config) error {
		return a.on(ctx, c, server.Need{Create: true, Vault: true}, do)
	})
}

func (a *app) readApplyFile(path string) (*apply.File, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(readGC))
	defer debug.FreeOSMemory() // what it takes to read a large file, before the store's cache comes
	name, in := "standard input", a.Stdin
	if path != "-" {
		f, err := os.Open(filepath.Clean(path))
		if err != nil {
			return nil, usageError{err}
		}
		defer func() { _ = f.Close() }() // only read
		name, in = path, f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxApplyFile+1)) // a longer one is refused by Parse
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	want, err := apply.Parse(name, data)
	if err != nil {
		return nil, usageError{err}
	}
	a.warn(want.Warnings())
	return want, nil
}

// showChanges prints one line a change, with secrets that were made: this is
// the only time they are shown.
func (a *app) showChanges(changes []core.ChangeLine, dryRun bool) error {
	if a.output != "table" {
		return writeList(a.Stdout, a.output, changeRecords(changes, dryRun))
	}
	for _, c := range changes {
		if _, err := fmt.Fprintln(a.Stdout, printable(changeText(c, dryRun))); err != nil {
			return err
		}
	}
	if len(changes) == 0 {
		a.say("nothing to change")
	}
	return nil
}

func changeText(c core.ChangeLine, dryRun bool) string {
	text := c.Op + " " + c.Object
	if len(c.Fields) > 0 {
		text += ": " + strings.Join(c.Fields, ", ")
	}
	for _, name := range secretNames(c) {
		text += fmt.Sprintf(" %s=%s", name, madeSecret(c, name, dryRun))
	}
	return text
}

func secretNames(c core.ChangeLine) []string {
	names := make([]string, 0, len(c.Secrets))
	for name := range c.Secrets {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// madeSecret is a secret that was made. That of a dry run opens nothing.
func madeSecret(c core.ChangeLine, name string, dryRun bool) string {
	if dryRun {
		return "(to be made)"
	}
	return c.Secrets[name].Reveal()
}

func changeRecords(changes []core.ChangeLine, dryRun bool) []record {
	list := make([]record, len(changes))
	for i, c := range changes {
		secrets := record{}
		for _, name := range secretNames(c) {
			secrets = append(secrets, field{name, madeSecret(c, name, dryRun)})
		}
		list[i] = record{{"object", c.Object}, {"change", c.Op}, {"fields", c.Fields}, {"secrets", secrets}}
	}
	return list
}
