package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// needless are the commands that need no store to exist.
var needless = []string{"serve", "apply", "demo", "config check", "routes", "version", "man", "help", "completion", "backup verify", "backup restore"}

// mandatory are flags that a command does not go without.
var mandatory = map[string][]string{
	"apply":                 {"-f", "-"},
	"application authorize": {"--allow-ip", "*"},
	"backup create":         {"--recipient", "age15y6se38fl62ywpp6as9tjxyyqkxf234phxm6ufc37wklhucre95qpd96ur"},
	"token add":             {"--use", "host"},
	"token remove":          {"--use", "host"},
	"vault import":          {"--device", "web-01"},
}

// TestEveryCommand asks each command for its help, gives it a flag it does not
// have, and runs it where there is no store.
func TestEveryCommand(t *testing.T) {
	t.Parallel()
	p := newProgram(t, "")
	commands := p.tree(nil)
	if len(commands) < 40 {
		t.Errorf("found %d commands, want 40 and more: %q", len(commands), commands)
	}
	for _, words := range commands {
		name := strings.Join(words, " ")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, "")
			p.wantHelp(words)
			p.wantHint(words)
			if !slices.ContainsFunc(needless, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
				p.wantNoStore(words)
			}
		})
	}
}

var subcommand = regexp.MustCompile(`(?m)^  (\S+) +\S`)

// tree lists the commands that are not only groups of others.
func (p *program) tree(words []string) (leaves [][]string) {
	p.t.Helper()
	help := p.must("", append(slices.Clone(words), "--help")...)
	_, list, ok := strings.Cut(help, "Available Commands:\n")
	if !ok {
		return [][]string{words}
	}
	list, _, _ = strings.Cut(list, "\n\n")
	for _, m := range subcommand.FindAllStringSubmatch(list, -1) {
		leaves = append(leaves, p.tree(append(slices.Clone(words), m[1]))...)
	}
	return leaves
}

func TestWrongArguments(t *testing.T) {
	t.Parallel()
	p := newProgram(t, "")
	for line, want := range map[string]string{
		"account add":                       "LOGIN is missing",
		"account add ada bob":               `"bob" is an argument too many`,
		"apikey add onboarding":             "NAME is missing",
		"application assign deploy ci":      "KEY is missing",
		"key add ada file more":             `"more" is an argument too many`,
		"account permissions":               "LOGIN is missing",
		"serve now":                         `"now" is an argument too many`,
		"authorized-keys":                   "LOGIN is missing",
		"vault import one two --device web": `"two" is an argument too many`,
	} {
		if _, problems, code := p.run("", strings.Fields(line)...); code != 2 || !strings.HasPrefix(problems, "keyrack: "+want+"\nkeyrack: usage: ") {
			t.Errorf("keyrack %s = %d, %q; want 2 and %s", line, code, problems, want)
		}
	}
}

func (p *program) wantHelp(words []string) {
	p.t.Helper()
	out, problems, code := p.run("", append(slices.Clone(words), "--help")...)
	first, rest, _ := strings.Cut(out, "\n")
	if code != 0 || problems != "" || first == "" || !strings.Contains(rest, "Usage:\n  keyrack "+strings.Join(words, " ")) {
		p.t.Errorf("%q --help = %d, %q, %q", words, code, out, problems)
	}
}

func (p *program) wantHint(words []string) {
	p.t.Helper()
	out, problems, code := p.run("", append(slices.Clone(words), "--no-such-flag")...)
	hint := "see keyrack " + strings.Join(words, " ") + " --help\n"
	if code != 2 || out != "" || !strings.Contains(problems, "unknown flag: --no-such-flag\n") || !strings.HasSuffix(problems, hint) {
		p.t.Errorf("%q --no-such-flag = %d, %q, %q; want 2 and %q", words, code, out, problems, hint)
	}
}

var argument = regexp.MustCompile(`\b[A-Z]{2,}\b`)

// wantNoStore runs a command with an argument for each that its usage names.
func (p *program) wantNoStore(words []string) {
	p.t.Helper()
	help := p.must("", append(slices.Clone(words), "--help")...)
	_, usage, _ := strings.Cut(help, "Usage:\n")
	usage, _, _ = strings.Cut(usage, "\n")
	optional := strings.IndexByte(usage, '[')
	args := slices.Concat(words, mandatory[strings.Join(words, " ")])
	for range argument.FindAllString(usage[:optional], -1) {
		args = append(args, "01a20a60-0000-7000-8000-000000000000")
	}
	out, problems, code := p.run("correct-horse-battery-staple", args...)
	if code != 5 || out != "" || !strings.Contains(problems, "there is no store yet in "+p.data) {
		p.t.Errorf("%q without a store = %d, %q, %q; want 5", args, code, out, problems)
	}
}
