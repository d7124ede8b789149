package cli

import (
	"context"
	"io"
	"log/slog"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"keyrack/internal/config"
	"keyrack/internal/server"
)

func (a *app) serve() *cobra.Command {
	var o server.Options
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		RunE: func(c *cobra.Command, _ []string) error {
			var err error
			if o.Config, err = a.config(); err != nil {
				return err
			}
			o.Program, o.Stderr, o.Log = a.Program, a.Stderr, ServerLog(a.Stderr, o.Config)
			return runServer(c.Context(), o)
		},
	}
	f := c.Flags()
	f.StringVar(&a.flags.HTTPAddr, "http-addr", "", "address for HTTP, default :8080 (KEYRACK_HTTP_ADDR)")
	f.StringVar(&a.flags.SSHAddr, "ssh-addr", "", "address for SSH, default :2222 (KEYRACK_SSH_ADDR)")
	f.StringVar(&a.flags.PublicURL, "public-url", "", "URL that people and programs reach the HTTP address by (KEYRACK_PUBLIC_URL)")
	f.StringVar(&o.ReadyFile, "ready-file", "", "file to write the addresses to once the server listens")
	f.BoolVar(&o.Welcome, "welcome", false, "print what to type next, credentials of the first start included")
	return c
}

// runServer runs until a signal asks to stop; a second signal ends the program
// at once.
func runServer(ctx context.Context, o server.Options) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	o.Version = programVersion()
	return server.Run(ctx, o)
}

// ServerLog is the log of a server in its configured form. What clients send
// stands in it, so neither form lets through what a terminal might act upon.
func ServerLog(w io.Writer, c config.Config) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.Log.Level}
	if c.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(escaping{w}, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
