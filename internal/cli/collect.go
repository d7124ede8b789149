package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"keyrack/internal/core"
	"keyrack/internal/server"
)

func (a *app) collect() *cobra.Command {
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "collect LOGIN",
		Short: "Open a session for an account and show its keys as they come in",
		Long: "Opens a collect session, prints the ssh command for the account's owner, shows\n" +
			"connections and keys as they come, and ends when the session does. The keys the\n" +
			"owner proves to hold become the account's. Interrupting withdraws the session.",
		RunE: func(c *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			return a.local(ctx, server.Need{}, func(ctx context.Context, l *server.Local, by core.Actor) error {
				return a.collectFor(ctx, l, by, args[0], timeout)
			})
		},
	}
	c.Flags().DurationVar(&timeout, "timeout", 15*time.Minute, "how long the session stays open")
	return c
}

func (a *app) collectFor(ctx context.Context, l *server.Local, by core.Actor, login string, timeout time.Duration) error {
	address, err := l.SSHAddress(ctx)
	if err != nil {
		return err
	}
	open, err := l.Core.Invite(ctx, by, login, timeout)
	if err != nil {
		return err
	}
	a.say("Ask %s to type this within %s:\n\n  %s\n", printable(login), timeout, server.SSHCommand(open.Identifier, address))
	done, err := a.watch(ctx, l, by, open)
	if err != nil {
		return a.withdraw(ctx, l, by, open, cmp.Or(context.Cause(ctx), err))
	}
	if err := a.showCollected(done); err != nil {
		return err
	}
	if done.Status != core.SessionCompleted {
		return core.Errorf(core.Conflict, "the session is %s; nobody finished it in time", done.Status)
	}
	return nil
}

// showCollected prints the session where it was not followed in words.
func (a *app) showCollected(done core.Session) error {
	if a.output == "table" {
		return nil
	}
	return writeOne(a.Stdout, a.output, append(sessionRecord(done), field{"connections", connectionRecords(done)}))
}

// watchEvery is how often the store is asked for news.
const watchEvery = 300 * time.Millisecond

// watch shows what comes in until the session ends.
func (a *app) watch(ctx context.Context, l *server.Local, by core.Actor, s core.Session) (core.Session, error) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	seen := map[string]bool{}
	for {
		now, err := l.Core.Session(ctx, by, s.Kind, s.UUID)
		if err != nil {
			return now, err
		}
		a.news(now, seen)
		if now.Status != core.SessionPending {
			return now, nil
		}
		select {
		case <-ctx.Done():
			return now, ctx.Err()
		case <-tick.C:
		}
	}
}

// news prints connections and keys that were not seen before: the data of this
// command, unless another output format was asked for.
func (a *app) news(s core.Session, seen map[string]bool) {
	once := func(id, line string) {
		if !seen[id] {
			seen[id] = true
			_, _ = fmt.Fprintln(a.progress(), printable(line)) // the session goes on, watched or not
		}
	}
	for _, c := range s.Connections {
		once(c.UUID.String(), fmt.Sprintf("connection from %s (%s)", address(c.Address), c.ClientVersion))
		for _, k := range c.Keys {
			once(k.UUID.String(), fmt.Sprintf("  %s key %s %s", grade(k), k.Public.Algorithm(), k.Public.SHA256()))
		}
	}
}

func (a *app) progress() io.Writer {
	if a.output == "table" {
		return a.Stdout
	}
	return a.Stderr
}

func grade(k core.CollectedKey) string {
	if k.Proven {
		return "proven"
	}
	return "offered"
}

// withdraw takes back an invitation that nobody waits for any more.
func (a *app) withdraw(ctx context.Context, l *server.Local, by core.Actor, s core.Session, why error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second) // the interrupt must not stop the clean-up
	defer cancel()
	if err := l.Core.DeleteSession(ctx, by, s.Kind, s.UUID); err != nil {
		return fmt.Errorf("%w; withdraw the session: %w", why, err)
	}
	return fmt.Errorf("the session is withdrawn: %w", why)
}
