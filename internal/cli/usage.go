package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// group makes a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: knownCommand, RunE: func(c *cobra.Command, _ []string) error {
		return usageError{fmt.Errorf("%s needs a command; see %s --help", c.CommandPath(), c.CommandPath())}
	}}
	c.AddCommand(commands...)
	return c
}

// countArgs has every command below c that says nothing of its arguments take
// those that its usage line names.
func countArgs(c *cobra.Command) {
	for _, sub := range c.Commands() {
		if sub.Args == nil {
			sub.Args = asInUsage
		}
		countArgs(sub)
	}
}

// asInUsage refuses arguments that are not those of the usage line, as "add NAME
// [FILE]" or "add NAME KEY...".
func asInUsage(c *cobra.Command, args []string) error {
	names := strings.Fields(c.Use)[1:]
	for i, name := range names {
		if i >= len(args) && !strings.HasPrefix(name, "[") {
			return fmt.Errorf("%s is missing", strings.TrimSuffix(name, "..."))
		}
	}
	if len(args) > len(names) && !strings.Contains(c.Use, "...") {
		return fmt.Errorf("%q is an argument too many", args[len(names)])
	}
	return nil
}

// knownCommand refuses what is no command of a group, and says what may have
// been meant.
func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("unknown command %q for %q", args[0], c.CommandPath())
	if near := nearest(c, args[0]); near != "" {
		text += fmt.Sprintf("; did you mean %q?", near)
	}
	return errors.New(text)
}

// nearest gives the command of a group that is spelled most like a word, or
// that people look for by it.
func nearest(group *cobra.Command, word string) string {
	for group.SuggestionsMinimumDistance = 1; group.SuggestionsMinimumDistance <= 2; group.SuggestionsMinimumDistance++ { // letters that differ
		if near := group.SuggestionsFor(word); len(near) > 0 {
			return near[0]
		}
	}
	return ""
}

// unknownFlag says what was wrong with the flags of a command. Of one that is
// itself unknown, whose flags were read as its group's, it says that.
func unknownFlag(c *cobra.Command, err error) error {
	if before := c.Flags().Args(); c.HasAvailableSubCommands() && len(before) > 0 {
		return knownCommand(c, before)
	}
	return err
}

// usageOf is the hint below a mistake in using a command.
func usageOf(c *cobra.Command) string {
	see := "see " + c.CommandPath() + " --help"
	if c.HasAvailableSubCommands() {
		return see
	}
	return "usage: " + c.UseLine() + "; " + see
}

// help is cobra's, but that an unknown command is a mistake.
func help() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND...]", Short: "Show how a command is used",
		RunE: func(c *cobra.Command, args []string) error {
			found, rest, err := c.Root().Find(args)
			if err == nil && found.HasAvailableSubCommands() {
				err = knownCommand(found, rest)
			}
			if err != nil {
				return usageError{err}
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
	}
}
