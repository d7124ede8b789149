package archtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

const (
	root   = "../.." // of the repository, seen from a test of this package
	module = "keyrack/"
)

// A pkg is what `go list` tells of a package of ours.
type pkg struct {
	ImportPath   string
	Name         string
	Doc          string // the first sentence
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// short is the package's path as the import table has it: without "internal/".
func (p pkg) short() string { return short(p.ImportPath) }

func (p pkg) testImports() []string { return slices.Concat(p.TestImports, p.XTestImports) }

func (p pkg) allImports() []string { return append(p.testImports(), p.Imports...) }

func short(importPath string) string {
	return strings.TrimPrefix(strings.TrimPrefix(importPath, module), "internal/")
}

func isOurs(importPath string) bool { return strings.HasPrefix(importPath, module) }

// ours returns the packages of ours among imports, shortened.
func ours(imports []string) []string {
	var of []string
	for _, path := range imports {
		if isOurs(path) {
			of = append(of, short(path))
		}
	}
	return of
}

// tree returns every package of the module.
func tree(t *testing.T) []pkg {
	t.Helper()
	pkgs, err := listPackages()
	if err != nil {
		t.Fatal(err)
	}
	return pkgs
}

// With -e, a package that does not build yet is still held to the rules: the
// compiler tells the rest.
var listPackages = sync.OnceValues(func() ([]pkg, error) {
	out, err := command("go", "list", "-e", "-json=ImportPath,Name,Doc,Imports,TestImports,XTestImports", "./...")
	if err != nil {
		return nil, err
	}
	var pkgs []pkg
	for dec := json.NewDecoder(strings.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs, nil
		} else if err != nil {
			return nil, fmt.Errorf("decode go list: %w", err)
		}
		pkgs = append(pkgs, p)
	}
})

// command runs a program in the repository's root and returns what it prints.
func command(name string, args ...string) (string, error) {
	cmd := exec.CommandContext(context.Background(), name, args...)
	cmd.Dir = root
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", cmd, err, stderr.String())
	}
	return string(out), nil
}
