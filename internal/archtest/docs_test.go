package archtest

import (
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	t.Parallel()
	for _, p := range tree(t) {
		want := "Package " + p.Name + " "
		if p.Name == "main" {
			want = "Command " + path.Base(p.ImportPath) + " "
		}
		if !strings.HasPrefix(p.Doc, want) {
			t.Errorf("the package comment of %s begins %q, want %q", p.short(), p.Doc, want)
		}
	}
}

// A package is named as code is: with a slash in the tree, or in backquotes.
func TestArchitectureNamesEveryPackage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(root + "/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range tree(t) {
		named := regexp.MustCompile(`\b` + path.Base(p.short()) + "[/`]")
		if !named.Match(text) {
			t.Errorf("ARCHITECTURE.md does not name %s", p.short())
		}
	}
}
