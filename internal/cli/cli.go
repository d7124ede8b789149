package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/user"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"keyrack/internal/config"
	"keyrack/internal/core"
	"keyrack/internal/server"
	"keyrack/internal/yamlfile"
)

// Env is what the program is given by the operating system.
type Env struct {
	Program string   // how the program was called
	Args    []string // its arguments
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Getenv  func(string) string
}

// Main runs one command and gives its exit code.
func Main(ctx context.Context, env Env) int {
	a := &app{Env: env}
	root := a.root()
	root.SetArgs(env.Args)
	asked, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	if !a.started {
		err = usageError{err}
	}
	a.complain(err)
	if !a.started {
		a.say("keyrack: %s", usageOf(asked))
	}
	return exitCode(err)
}

// app is one run of the program.
type app struct {
	Env
	flags   config.Flags
	file    string // --config
	output  string
	json    bool
	started bool // flags and arguments were right
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "keyrack",
		Short: "One server for all SSH keys of an organisation",
		Long: "Keyrack collects people's public keys over SSH, proves that they hold them, keeps\n" +
			"them with their history, and serves authorized_keys to sshd.",
		SilenceErrors:     true,
		SilenceUsage:      true,
		Args:              knownCommand,
		PersistentPreRunE: func(c *cobra.Command, _ []string) error { return a.start(c) },
		RunE:              func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetHelpCommand(help())
	root.SetFlagErrorFunc(unknownFlag)
	root.SetIn(a.Stdin)
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	f := root.PersistentFlags()
	f.StringVar(&a.file, "config", "", "configuration file")
	f.StringVar(&a.flags.DataDir, "data-dir", "", "directory of the embedded store and the server's keys (KEYRACK_DATA_DIR)")
	f.StringVar(&a.flags.DatabaseURL, "database-url", "", "PostgreSQL, as postgres://user@host/name (KEYRACK_DATABASE_URL)")
	f.StringVarP(&a.output, "output", "o", "table", "output format: "+strings.Join(formats, ", "))
	f.BoolVar(&a.json, "json", false, "short for -o json")
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp)) // fails for an unknown flag only
	root.AddCommand(
		a.serve(), a.apply(), a.demo(), a.collect(), a.authorizedKeys(),
		a.account(), a.key(), a.project(), a.apiKey(), a.token(), a.session(), a.webhook(), a.audit(), a.signingKey(),
		a.device(), a.vault(), a.application(), a.organization(), a.location(),
		a.db(), a.backup(), a.doctor(), a.configCommand(), a.routes(), a.version(), a.man(),
	)
	countArgs(root)
	return root
}

// start is the last step before a command runs. Cobra would ask for missing
// flags only after it.
func (a *app) start(c *cobra.Command) error {
	if a.json {
		a.output = "json"
	}
	if !slices.Contains(formats, a.output) {
		return fmt.Errorf("--output must be one of %s", strings.Join(formats, ", "))
	}
	if err := c.ValidateRequiredFlags(); err != nil {
		return err
	}
	a.started = true
	return nil
}

func (a *app) config() (config.Config, error) {
	c, err := config.Load(a.file, a.Getenv, a.flags)
	if err != nil {
		return c, usageError{err}
	}
	a.warn(c.Warnings)
	return c, nil
}

// say tells people something. If stderr is gone nobody can be told that either.
func (a *app) say(format string, args ...any) { _, _ = fmt.Fprintf(a.Stderr, format+"\n", args...) }

func (a *app) warn(problems []yamlfile.Problem) {
	for _, p := range problems {
		a.say("keyrack: warning: %s", printable(p.String()))
	}
}

// work is what a command does with an open store.
type work func(ctx context.Context, l *server.Local, by core.Actor) error

// local opens the configured store, runs do as the operator, and closes it.
func (a *app) local(ctx context.Context, need server.Need, do work) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	return a.on(ctx, c, need, do)
}

// on is local for any configuration.
func (a *app) on(ctx context.Context, c config.Config, need server.Need, do work) (err error) {
	l, err := server.OpenLocal(ctx, c, a.logger(slog.LevelWarn), need)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	return do(ctx, l, operator())
}

// throwAway hands do a configuration on free ports of this machine, whose data
// directory is gone afterwards.
func throwAway(do func(config.Config) error) (err error) {
	dir, err := os.MkdirTemp("", "keyrack-")
	if err != nil {
		return fmt.Errorf("make a directory to throw away: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c, err := config.Load("", func(string) string { return "" },
		config.Flags{DataDir: dir, HTTPAddr: "127.0.0.1:0", SSHAddr: "127.0.0.1:0"})
	if err != nil {
		return err
	}
	return do(c)
}

// operator is the actor of commands: who is logged in at the machine.
func operator() core.Actor {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return core.Operator(name)
}

func (a *app) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(a.Stderr, &slog.HandlerOptions{Level: level}))
}

// rows is what a list command prints.
type rows func(ctx context.Context, l *server.Local, by core.Actor, args []string) ([]record, error)

// list makes a command that prints records.
func (a *app) list(use, short string, get rows) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, RunE: func(c *cobra.Command, args []string) error {
		return a.local(c.Context(), server.Need{}, func(ctx context.Context, l *server.Local, by core.Actor) error {
			list, err := get(ctx, l, by, args)
			if err != nil {
				return err
			}
			return writeList(a.Stdout, a.output, list)
		})
	}}
}

// one is what a show command prints.
type one func(ctx context.Context, l *server.Local, by core.Actor, args []string) (record, error)

// show makes a command that prints one record.
func (a *app) show(use, short string, get one) *cobra.Command {
	return a.showWith(server.Need{}, use, short, get)
}

// showSealed is show for a command that seals secrets.
func (a *app) showSealed(use, short string, get one) *cobra.Command {
	return a.showWith(server.Need{Vault: true}, use, short, get)
}

func (a *app) showWith(need server.Need, use, short string, get one) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, RunE: func(c *cobra.Command, args []string) error {
		return a.local(c.Context(), need, func(ctx context.Context, l *server.Local, by core.Actor) error {
			r, err := get(ctx, l, by, args)
			if err != nil {
				return err
			}
			return writeOne(a.Stdout, a.output, r)
		})
	}}
}

// change is what a command does that only says how it went.
type change func(ctx context.Context, l *server.Local, by core.Actor, args []string) (said string, err error)

// do makes a command that changes something and tells people so.
func (a *app) do(use, short string, change change) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, RunE: func(c *cobra.Command, args []string) error {
		return a.local(c.Context(), server.Need{}, func(ctx context.Context, l *server.Local, by core.Actor) error {
			said, err := change(ctx, l, by, args)
			if err != nil {
				return err
			}
			a.say("%s", printable(said))
			return nil
		})
	}}
}
