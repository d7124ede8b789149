package cli

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func (a *app) version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Say which build this is",
		RunE: func(*cobra.Command, []string) error {
			return writeOne(a.Stdout, a.output, build())
		},
	}
}

// programVersion is what `keyrack version` calls the version.
func programVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return info.Main.Version
}

// build is what the Go toolchain wrote into the binary.
func build() record {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return record{{"version", "unknown"}}
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	return record{
		{"version", info.Main.Version}, {"revision", settings["vcs.revision"]}, {"modified", settings["vcs.modified"] == "true"},
		{"time", settings["vcs.time"]}, {"go", info.GoVersion}, {"platform", settings["GOOS"] + "/" + settings["GOARCH"]},
	}
}

func (a *app) man() *cobra.Command {
	return &cobra.Command{
		Use: "man DIR", Short: "Write a manual page for each command into a directory",
		RunE: func(c *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil { //nolint:gosec // manual pages are for everyone
				return err
			}
			root := c.Root()
			root.DisableAutoGenTag = true // two builds of one source write the same pages
			if err := doc.GenManTree(root, &doc.GenManHeader{Title: "KEYRACK", Section: "1"}, args[0]); err != nil {
				return fmt.Errorf("write manual pages: %w", err)
			}
			return nil
		},
	}
}

func (a *app) configCommand() *cobra.Command {
	return group("config", "The configuration file", &cobra.Command{
		Use: "check", Short: "Say all that is wrong with the configuration",
		RunE: func(*cobra.Command, []string) error {
			if _, err := a.config(); err != nil {
				return err
			}
			a.say("the configuration is valid")
			return nil
		},
	})
}
