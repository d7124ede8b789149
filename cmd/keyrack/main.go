// Command keyrack is one server for all SSH keys of an organisation, and the
// commands to work with it.
package main

import (
	"context"
	"os"

	"keyrack/internal/cli"
)

func main() {
	os.Exit(cli.Main(context.Background(), cli.Env{
		Program: os.Args[0], Args: os.Args[1:],
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv,
	}))
}
