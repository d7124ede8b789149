package archtest

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// forbidden is what must not stand in the repository's text, because it is
// true on somebody's machine alone. Written as patterns, these do not match themselves.
var forbidden = regexp.MustCompile(strings.Join([]string{
	`(?:^|[^\w./~-])/(?:root|work)/`, // absolute paths of a machine
	`(?:proxy|sum)\.golang\.org`,     // package registries and their mirrors
	`registry\.(?:npmjs|yarnpkg)\.\w+`,
	`(?:deb|security|ftp)\.debian\.org`,
	`(?:pypi|pythonhosted)\.org`,
}, "|"))

func TestForbiddenWordsAreFound(t *testing.T) {
	t.Parallel()
	dot, slash := ".", "/"
	tests := []struct {
		text string
		want bool
	}{
		{slash + "root" + slash + "go", true},
		{`cd "` + slash + "work" + slash + `main"`, true},
		{"GOPROXY=https://proxy" + dot + "golang" + dot + "org", true},
		{"https://registry" + dot + "npmjs" + dot + "org/is-number", true},
		{"deb http://deb" + dot + "debian" + dot + "org/debian bookworm main", true},
		{"docs" + slash + "work" + slash + "index.md", false},
		{"golang.org/x/crypto", false},
		{"the root, the work", false},
	}
	for _, tt := range tests {
		if got := forbidden.MatchString(tt.text); got != tt.want {
			t.Errorf("forbidden.MatchString(%q) = %v, want %v", tt.text, got, tt.want)
		}
	}
}

func TestTextIsFreeOfForbiddenWords(t *testing.T) {
	t.Parallel()
	for _, name := range textFiles(t) {
		text, err := os.ReadFile(filepath.Join(root, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted, not yet committed
		}
		if err != nil {
			t.Fatal(err)
		}
		if bytes.IndexByte(text, 0) >= 0 {
			continue // not text
		}
		for i, line := range strings.Split(string(text), "\n") {
			if word := forbidden.FindString(line); word != "" {
				t.Errorf("%s:%d: %q", name, i+1, word)
			}
		}
	}
}

// textFiles returns the files that are or would be committed.
func textFiles(t *testing.T) []string {
	t.Helper()
	out, err := command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
}
