package yamlfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Problem is one thing that is wrong, at one place.
type Problem struct {
	Where string // a file, an environment variable or a flag
	Line  int    // in the file; zero: none
	Path  string // as "accounts[0].keys[1].public_key"; empty: the whole
	Msg   string // what is wrong, and what would be right
}

// String gives the problem as compilers do, so that editors find the place.
func (p Problem) String() string {
	where := p.Where
	if p.Line > 0 {
		where = fmt.Sprintf("%s:%d", p.Where, p.Line)
	}
	if p.Path != "" {
		where += ": " + p.Path
	}
	return printable(where + ": " + p.Msg)
}

// printable spells out what would steer a terminal.
func printable(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return text
	}
	quoted := fmt.Sprintf("%+q", text)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// Error is all that was found wrong.
type Error struct {
	Problems []Problem // by place, then line
	Err      error     // what found them, where it was not the reading; may be nil
}

// NewError makes an error of problems, nil where there are none.
func NewError(problems []Problem, cause error) error {
	if len(problems) == 0 {
		return cause
	}
	sorted := slices.Clone(problems)
	slices.SortStableFunc(sorted, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Where, b.Where), cmp.Compare(a.Line, b.Line))
	})
	return &Error{Problems: sorted, Err: cause}
}

// Error gives a line for each problem.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

func (e *Error) Unwrap() error { return e.Err }
