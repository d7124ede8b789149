package cli

import (
	"context"
	_ "embed" // for the demo's world
	"fmt"
	"log/slog"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"keyrack/internal/apply"
	"keyrack/internal/config"
	"keyrack/internal/core"
	"keyrack/internal/server"
)

//go:embed demo.yaml
var demoWorld []byte

func (a *app) demo() *cobra.Command {
	c := &cobra.Command{
		Use:   "demo",
		Short: "Run a throw-away server with sample accounts",
		Long: "Runs a server on free ports of this machine over a store that is deleted at the\n" +
			"end, with sample accounts, and prints a command to try for each part.",
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGHUP) // a terminal that is closed ends the demo too
			defer stop()
			return throwAway(func(in config.Config) error { return a.runDemo(ctx, in) })
		},
	}
	return c
}

func (a *app) runDemo(ctx context.Context, c config.Config) error {
	secrets, err := a.makeDemoWorld(ctx, c)
	if err != nil {
		return fmt.Errorf("make the demo's world: %w", err)
	}
	return runServer(ctx, server.Options{
		Config: c, Log: a.logger(slog.LevelWarn), Program: a.Program, Stderr: a.Stderr,
		Ready: func(r server.Running) { _, _ = fmt.Fprint(a.Stdout, demoText(a.Program, c.DataDir, r, secrets)) },
	})
}

// makeDemoWorld fills the store and gives the secrets that were made, by the
// object's name and their own.
func (a *app) makeDemoWorld(ctx context.Context, c config.Config) (map[string]string, error) {
	world, err := apply.Parse("demo.yaml", demoWorld)
	if err != nil {
		return nil, err
	}
	secrets := map[string]string{}
	err = a.on(ctx, c, server.Need{Create: true, Vault: true}, func(ctx context.Context, l *server.Local, by core.Actor) error {
		changes, err := l.Core.Apply(ctx, by, world.Desired(), false)
		for _, change := range changes {
			for name, secret := range change.Secrets {
				secrets[change.Object+" "+name] = secret.Reveal()
			}
		}
		return world.Explain(err)
	})
	return secrets, err
}

// demoText is one working command for each part.
func demoText(program, dir string, r server.Running, secrets map[string]string) string {
	url := "http://" + r.HTTP
	return fmt.Sprintf(`
A demo of Keyrack runs until you press Ctrl-C; then all of it is deleted.

Collect a key over SSH, and prove it:
  ID=$(curl -s %[1]s/api/v1/ssh/collect/sessions/ -H 'x-api-key: %[2]s' -H 'content-type: application/json' -d '{"multi_key": true, "external_id": "ada"}' | sed 's/.*"connection_identifier":"\([a-z0-9]*\)".*/\1/')
  %[3]s
  curl -s %[1]s/api/v1/ssh/collect/sessions/ -H 'x-api-key: %[2]s'

The same from the command line, for the account grace:
  %[4]s collect grace --data-dir %[5]s

The keys that open ada's logins, as sshd asks for them:
  curl -s %[1]s/api/keyrack/v1/authorized-keys/ada -H 'Authorization: Bearer %[6]s'
  %[4]s authorized-keys ada --data-dir %[5]s

Accounts, keys and what happened to them:
  %[4]s account list --data-dir %[5]s
  %[4]s key show ada/laptop --data-dir %[5]s
  %[4]s audit list --data-dir %[5]s

Ada's keys by Waldur's interface, by Foreman's, and by Raidboxes':
  curl -s %[1]s/api/keys/ -H 'Authorization: Token %[7]s'
  curl -s %[1]s/api/users/1/ssh_keys -u 'ada:%[8]s'
  JWT=$(curl -s -D - -o /dev/null %[1]s/v1/login -d email=ada@example.org -d 'password=%[9]s' | sed -n 's/^access_token: \([^[:space:]]*\).*/\1/p')
  curl -s %[1]s/v1/ssh-keys -H "Authorization: Bearer $JWT"

The machines of the vault, by senhasegura's:
  TOKEN=$(curl -s %[1]s/api/oauth2/token -u '%[10]s:%[11]s' -d grant_type=client_credentials | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  curl -s %[1]s/api/pam/device -H "Authorization: Bearer $TOKEN"

The SSHVerify interface described: %[1]s/api/v1/docs

`, url, secrets["api key onboarding/demo secret"], server.SSHCommand("$ID", r.SSH), program, dir, secrets["token sshd/host/demo secret"],
		secrets["token ada/waldur/demo secret"], secrets["token ada/foreman/demo secret"], secrets["token ada/raidboxes/demo secret"],
		secrets["authorization deploy/demo oauth2.client_id"], secrets["authorization deploy/demo oauth2.client_secret"])
}
