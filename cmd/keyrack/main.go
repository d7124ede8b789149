// Command keyrack is one server for all SSH keys of an organisation, and the
// commands to work with it.
package main

import (
	"context"
	"fmt"
	"os"

	"keyrack/internal/cli"
)

func main() {
	if err := keepMemory(); err != nil {
		fmt.Fprintln(os.Stderr, "keyrack: core files are not forbidden:", err)
	}
	os.Exit(cli.Main(context.Background(), cli.Env{
		Program: os.Args[0], Args: os.Args[1:],
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv,
	}))
}
