package cli

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"

	"keyrack/internal/config"
	"keyrack/internal/core"
	"keyrack/internal/server"
)

func (a *app) doctor() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Show what the store, the files and the host keys are like",
		RunE: func(c *cobra.Command, _ []string) error {
			return a.local(c.Context(), server.Need{Vault: true}, func(ctx context.Context, l *server.Local, _ core.Actor) error {
				conf, err := a.config()
				if err != nil {
					return err
				}
				found, err := facts(ctx, l)
				if err != nil {
					return err
				}
				found = append(found, field{"master_key_in", cmp.Or(conf.MasterKeyURI, conf.MasterKeyFile)})
				return writeOne(a.Stdout, a.output, append(found, files(conf)...))
			})
		},
	}
}

// facts are what the store says of itself. That the command came this far says
// that the master key opens the vault.
func facts(ctx context.Context, l *server.Local) (found record, err error) {
	told, err := l.Store.Facts(ctx)
	if err != nil {
		return nil, err
	}
	for _, f := range told {
		found = append(found, field{f.Name, f.Value})
	}
	v, err := l.Store.Versions(ctx)
	return append(found, field{"schema", fmt.Sprintf("%d of %d", v.Current, v.Newest)}, field{"master_key", "ok"}), err
}

// files are the modes of what only its owner may read, and the fingerprints
// that people are to compare.
func files(c config.Config) (found record) {
	for _, f := range [][2]string{
		{"data_dir_mode", c.DataDir},
		{"database_mode", filepath.Join(c.DataDir, "keyrack.db")},
		{"master_key_mode", c.MasterKeyFile},
		{"keyset_mode", c.KeysetFile},
	} {
		if info, err := os.Stat(f[1]); err == nil {
			found = append(found, field{f[0], fmt.Sprintf("%04o", info.Mode().Perm())})
		}
	}
	paths := c.SSH.HostKeys
	if len(paths) == 0 {
		paths, _ = filepath.Glob(filepath.Join(c.DataDir, "ssh_host_*_key")) // the pattern is ours
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		if key, err := ssh.ParsePrivateKey(text); err == nil {
			found = append(found, field{filepath.Base(path), ssh.FingerprintSHA256(key.PublicKey())})
		}
	}
	return found
}
