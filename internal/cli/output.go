package cli

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"charm.land/lipgloss/v2"
	"charm.land/lipgloss/v2/table"
	"go.yaml.in/yaml/v4"
	"golang.org/x/term"
	"golang.org/x/text/unicode/bidi"
)

// formats are the values of --output.
var formats = []string{"table", "json", "yaml", "csv", "name"}

// field is one named value of a record. Names are lower_snake_case.
type field struct {
	name  string
	value any // string, bool, int, int64, time.Time, []string, []record, record, nil
}

// record is an object with the order of its fields kept. The first field is
// the one to name it by.
type record []field

// MarshalJSON writes an object in the record's order.
func (r record) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range r {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(f.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(plain(f.value))
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// MarshalYAML gives a mapping in the record's order.
func (r record) MarshalYAML() (any, error) {
	node := yaml.Node{Kind: yaml.MappingNode}
	for _, f := range r {
		var value yaml.Node
		if err := value.Encode(plain(f.value)); err != nil {
			return nil, err
		}
		node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: f.name}, &value)
	}
	return &node, nil
}

// plain makes absent times null and other times text.
func plain(v any) any {
	t, ok := v.(time.Time)
	switch {
	case !ok:
		return v
	case t.IsZero():
		return nil
	}
	return t.Format(time.RFC3339Nano)
}

// writeList prints records in the asked format.
func writeList(w io.Writer, format string, list []record) error {
	switch format {
	case "json":
		return writeJSON(w, orEmpty(list))
	case "yaml":
		return writeYAML(w, orEmpty(list))
	case "csv":
		return writeCSV(w, list)
	case "name":
		return writeNames(w, list)
	}
	return writeTable(w, list)
}

// writeOne prints a single record: as an object, or one field a line.
func writeOne(w io.Writer, format string, r record) error {
	switch format {
	case "json":
		return writeJSON(w, r)
	case "yaml":
		return writeYAML(w, r)
	case "csv", "name":
		return writeList(w, format, []record{r})
	}
	return writeFields(w, r, "")
}

func orEmpty(list []record) []record {
	if list == nil {
		return []record{}
	}
	return list
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(escaping{w})
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// escaping writes JSON, each value in one piece, with escapes for what a
// terminal might act upon. It means the same: encoding/json leaves all but the
// first 32 characters as they are.
type escaping struct{ io.Writer }

// Write writes a value.
func (e escaping) Write(p []byte) (int, error) {
	out := make([]byte, 0, len(p))
	for rest := p; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		if r < ' ' || !unprintable(r) {
			out = append(out, rest[:n]...)
		} else {
			for _, unit := range utf16.AppendRune(nil, r) {
				out = fmt.Appendf(out, `\u%04x`, unit)
			}
		}
		rest = rest[n:]
	}
	if _, err := e.Writer.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

func writeYAML(w io.Writer, v any) error {
	out, err := yaml.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(out)
	return err
}

func writeNames(w io.Writer, list []record) error {
	for _, r := range list {
		if _, err := fmt.Fprintln(w, cell(r[0].value)); err != nil {
			return err
		}
	}
	return nil
}

func writeCSV(w io.Writer, list []record) error {
	out := csv.NewWriter(w)
	for i, r := range list {
		if i == 0 {
			_ = out.Write(names(r)) // the writer keeps its first error
		}
		_ = out.Write(inert(cells(r)))
	}
	out.Flush()
	return out.Error()
}

// inert keeps spreadsheets from reading a cell as a formula (OWASP ASVS 5.0, 1.2.10).
func inert(row []string) []string {
	for i, c := range row {
		if c != "" && strings.ContainsRune("=+-@\t\r", rune(c[0])) {
			row[i] = "'" + c
		}
	}
	return row
}

func writeTable(w io.Writer, list []record) error {
	if len(list) == 0 {
		return nil
	}
	t := table.New().Border(lipgloss.Border{}).BorderTop(false).BorderBottom(false).BorderHeader(false).
		BorderLeft(false).BorderRight(false).BorderColumn(false).
		StyleFunc(func(int, int) lipgloss.Style { return lipgloss.NewStyle().PaddingRight(2) })
	head := names(list[0])
	for i := range head {
		head[i] = strings.ToUpper(strings.ReplaceAll(head[i], "_", " "))
	}
	t.Headers(head...)
	for _, r := range list {
		row := cells(r)
		for i, c := range row {
			row[i] = shown(w, c)
		}
		t.Row(row...)
	}
	_, err := fmt.Fprintln(w, trimLines(t.Render()))
	return err
}

// trimLines takes the padding from the ends of lines.
func trimLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.Join(lines, "\n")
}

// writeFields prints a field a line. Records below a field are set off with a
// dash each.
func writeFields(w io.Writer, r record, indent string) error {
	for i, f := range r {
		if i > 0 {
			indent = strings.ReplaceAll(indent, "-", " ")
		}
		nested, ok := f.value.([]record)
		text := cell(f.value)
		if ok {
			text = ""
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(indent+f.name+": "+shown(w, text), " ")); err != nil {
			return err
		}
		for _, n := range nested {
			if err := writeFields(w, n, strings.ReplaceAll(indent, "-", " ")+"  - "); err != nil {
				return err
			}
		}
	}
	return nil
}

func names(r record) []string {
	out := make([]string, len(r))
	for i, f := range r {
		out[i] = f.name
	}
	return out
}

func cells(r record) []string {
	out := make([]string, len(r))
	for i, f := range r {
		out[i] = cell(f.value)
	}
	return out
}

// cell is a value as a table shows it.
func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case bool:
		return map[bool]string{true: "yes", false: "no"}[v]
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.Format(time.RFC3339)
	case []string:
		return printable(strings.Join(v, ","))
	case record, []record:
		return printable(compact(v))
	}
	return printable(fmt.Sprint(v))
}

// shown is text as it is written to a terminal, where some is read from the
// right: isolated, or it would turn around what stands beside it.
func shown(w io.Writer, text string) string {
	f, isFile := w.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) { // #nosec G115 -- a descriptor
		return text
	}
	return isolated(text)
}

// What sets text off from the direction of what is around it: Unicode's UAX 9.
const (
	firstStrongIsolate    = "\u2068"
	popDirectionalIsolate = "\u2069"
)

func isolated(text string) string {
	if !strings.ContainsFunc(text, fromTheRight) {
		return text
	}
	return firstStrongIsolate + text + popDirectionalIsolate
}

func fromTheRight(r rune) bool {
	p, _ := bidi.LookupRune(r)
	return p.Class() == bidi.R || p.Class() == bidi.AL || p.Class() == bidi.AN
}

// compact is a value within a cell.
func compact(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "" // records hold nothing that JSON has no form for
	}
	return string(text)
}

// printable escapes what a terminal might act upon or what hides text.
func printable(text string) string {
	if !strings.ContainsFunc(text, unprintable) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if unprintable(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func unprintable(r rune) bool {
	return r == unicode.ReplacementChar || !unicode.IsPrint(r)
}
