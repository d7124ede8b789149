package config

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write example.yaml and the table of docs/configuration.md anew")

const (
	manual     = "../../docs/configuration.md"
	tableBegin = "<!-- keys: made from internal/config by go test -update -->\n"
	tableEnd   = "<!-- end of keys -->\n"
)

// The comments on the fields of Config are the one source of the example and
// of the manual's table.

func TestExampleIsMadeFromTheComments(t *testing.T) {
	t.Parallel()
	golden(t, "example.yaml", exampleOf(keysOf(t)))
}

func TestManualIsMadeFromTheComments(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := bytes.Cut(text, []byte(tableBegin))
	_, after, ends := bytes.Cut(rest, []byte(tableEnd))
	if !begins || !ends {
		t.Fatalf("%s lacks the lines %q and %q", manual, tableBegin, tableEnd)
	}
	golden(t, manual, string(before)+tableBegin+tableOf(keysOf(t))+tableEnd+string(after))
}

func TestManualNamesVariablesAndFlags(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range overrides {
		if row := fmt.Sprintf("| `%s` | `%s` | `%s` |", o.flag, o.env, o.path); !strings.Contains(string(text), row) {
			t.Errorf("%s lacks the row %q", manual, row)
		}
	}
	if !strings.Contains(string(text), databaseURLFileEnv) {
		t.Errorf("%s does not name %s", manual, databaseURLFileEnv)
	}
}

func golden(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	is, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(is)); diff != "" {
		t.Errorf("%s is not what the comments in config.go say; run go test -update (-want +got):\n%s", path, diff)
	}
}

// configKey is one key of the file.
type configKey struct {
	path    string // "ssh.login_grace"
	comment string
	value   string // the default; empty: none
	example string // where there is no default
	section bool
}

func (k configKey) depth() int { return strings.Count(k.path, ".") }

func (k configKey) name() string { return k.path[strings.LastIndexByte(k.path, '.')+1:] }

func keysOf(t *testing.T) []configKey {
	t.Helper()
	return keysBelow(t, "", reflect.ValueOf(Default()), comments(t))
}

func keysBelow(t *testing.T, prefix string, of reflect.Value, comments map[string]string) []configKey {
	t.Helper()
	var keys []configKey
	for i := range of.NumField() {
		field := of.Type().Field(i)
		name := field.Tag.Get("yaml")
		if name == "-" {
			continue
		}
		k := configKey{
			path:    prefix + name,
			comment: comments[of.Type().Name()+"."+field.Name],
			value:   valueOf(of.Field(i)),
			example: field.Tag.Get("example"),
			section: strings.HasPrefix(field.Type.PkgPath(), "keyrack/internal/config"),
		}
		if k.comment == "" || k.value == "" && k.example == "" && !k.section {
			t.Errorf("%s of %s lacks a comment, a default or an example", field.Name, of.Type())
		}
		keys = append(keys, k)
		if k.section {
			keys = append(keys, keysBelow(t, k.path+".", of.Field(i), comments)...)
		}
	}
	return keys
}

// valueOf writes a default as YAML, nothing for the zero value of what is not
// a choice.
func valueOf(v reflect.Value) string {
	switch v := v.Interface().(type) {
	case time.Duration:
		return v.String()
	case slog.Level:
		return strings.ToLower(v.String())
	case bool, int:
		return fmt.Sprint(v)
	case string:
		if strings.HasPrefix(v, ":") {
			return `"` + v + `"`
		}
		return v
	}
	return ""
}

// comments gives the comment of each field of each struct, as one line.
func comments(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "config.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if of, ok := spec.Type.(*ast.StructType); ok {
			for _, field := range of.Fields.List {
				out[spec.Name.Name+"."+field.Names[0].Name] = strings.Join(strings.Fields(field.Doc.Text()), " ")
			}
		}
		return true
	})
	return out
}

const exampleHead = `# The configuration of Keyrack, for keyrack serve --config FILE. Each key says
# its default here; where there is none, an example is commented out. Paths
# begin where this file is. docs/configuration.md tells the rest.
`

func exampleOf(keys []configKey) string {
	var b strings.Builder
	b.WriteString(exampleHead)
	for _, k := range keys {
		indent := strings.Repeat("  ", k.depth())
		b.WriteString("\n" + wrapped(k.comment, indent+"# "))
		switch {
		case k.section:
			fmt.Fprintf(&b, "%s%s:\n", indent, k.name())
		case k.value != "":
			fmt.Fprintf(&b, "%s%s: %s\n", indent, k.name(), k.value)
		default:
			fmt.Fprintf(&b, "%s# %s: %s\n", indent, k.name(), k.example)
		}
	}
	return b.String()
}

// wrapped breaks text into lines of 80 characters.
func wrapped(text, prefix string) string {
	var b strings.Builder
	line := prefix
	for word := range strings.FieldsSeq(text) {
		if len(line)+len(word) > 80 {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = prefix
		}
		line += word + " "
	}
	return b.String() + strings.TrimRight(line, " ") + "\n"
}

func tableOf(keys []configKey) string {
	var b strings.Builder
	b.WriteString("\n| key | default | what it is |\n|---|---|---|\n")
	for _, k := range keys {
		value := ""
		if k.value != "" {
			value = "`" + k.value + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.path, value, k.comment)
	}
	return b.String() + "\n"
}
