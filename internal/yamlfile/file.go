package yamlfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// Bounds of a document. An apply file with 100,000 keys has 18 MB in 400,000
// lines. Nodes take some 250 bytes each, and yaml v4.0.0 holds on to 600 bytes
// for each value in a flow collection until that ends.
const (
	maxSize     = 64 << 20
	maxValues   = 2 << 20 // lines and commas, one of which parts any two values
	maxProblems = 1000    // told; of more, how many
)

// File is a document that was read, and what is wrong with it.
type File struct {
	name     string
	data     []byte
	root     *yaml.Node // nil: nothing is in it, or it was let go
	gone     bool       // the root was let go
	problems []Problem
	untold   int // problems beyond maxProblems
	warnings []Problem
}

// Decode reads data into the struct that into points to. Keys are the names of
// the fields' yaml tags; ",required" asks for one. Absent keys leave their
// fields as they are. What is wrong is noted, and the rest decoded.
func Decode(name string, data []byte, into any) *File {
	f := &File{name: name, data: data}
	root, problem := parse(data)
	if problem != nil {
		f.note(problem.Line, "", "%s", problem.Msg)
		return f
	}
	f.root = root
	if root != nil && !isNull(root) {
		d := decoder{file: f, shapes: map[reflect.Type]shape{}}
		d.value(root, reflect.ValueOf(into).Elem(), "")
	}
	return f
}

// LetGo frees what the document was read into, which takes five times as much
// memory as its text. Who asks for the place of something has it read again.
func (f *File) LetGo() { f.root, f.gone = nil, true }

// Problemf notes that something is wrong with what stands at path.
func (f *File) Problemf(path, format string, args ...any) {
	p := f.At(path, "")
	f.note(p.Line, p.Path, format, args...)
}

// Warnf notes what is not wrong, but should be known.
func (f *File) Warnf(path, format string, args ...any) {
	f.warnings = append(f.warnings, f.At(path, fmt.Sprintf(format, args...)))
}

func (f *File) note(line int, path, format string, args ...any) {
	if len(f.problems) >= maxProblems {
		f.untold++
		return
	}
	f.problems = append(f.problems, Problem{Where: f.name, Line: line, Path: path, Msg: fmt.Sprintf(format, args...)})
}

// Problems lists what was found wrong so far.
func (f *File) Problems() []Problem {
	if f.untold == 0 {
		return f.problems
	}
	last := f.problems[len(f.problems)-1]
	return append(f.problems[:len(f.problems):len(f.problems)],
		Problem{Where: f.name, Line: last.Line, Msg: fmt.Sprintf("and %d more problems", f.untold)})
}

// Warnings lists what was noted by Warnf, in order.
func (f *File) Warnings() []Problem { return f.warnings }

// At gives a problem its place: the line of what stands at path or, where the
// file does not have that, of what it would stand in. The path may also be
// that of a value which the file gives by the name of a file.
func (f *File) At(path, msg string) Problem {
	line, exact := f.find(path)
	if !exact {
		if other, ok := f.find(path + fileSuffix); ok {
			line, path = other, path+fileSuffix
		}
	}
	return Problem{Where: f.name, Line: line, Path: path, Msg: msg}
}

// Has tells whether the file says something at path.
func (f *File) Has(path string) bool {
	_, exact := f.find(path)
	return exact
}

// find gives the line of what stands at path, or of the nearest thing around.
func (f *File) find(path string) (line int, exact bool) {
	line = 1
	if f.gone {
		f.root, _ = parse(f.data) // which it could be before
		f.gone = false
	}
	n := f.root
	for _, step := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		var key *yaml.Node
		if key, n = child(n, step); n == nil {
			return line, false
		}
		line = key.Line
	}
	return line, n != nil
}

// child gives the value at one step below n and the node where it begins.
func child(n *yaml.Node, step string) (key, value *yaml.Node) {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch {
	case n == nil:
	case n.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == step {
				return n.Content[i], n.Content[i+1]
			}
		}
	case n.Kind == yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && 0 <= i && i < len(n.Content) {
			return n.Content[i], n.Content[i]
		}
	}
	return nil, nil
}

// parse gives the one document in data, nil where there is none.
func parse(data []byte) (*yaml.Node, *Problem) {
	if problem := checkSize(data); problem != nil {
		return nil, problem
	}
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		return nil, syntaxProblem(err, data)
	}
	var doc, next yaml.Node
	if err := loader.Load(&doc); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, syntaxProblem(err, data)
	}
	switch err := loader.Load(&next); {
	case err == nil:
		return nil, &Problem{Line: next.Line, Msg: "a second YAML document begins here; put everything into one, without --- in between"}
	case !errors.Is(err, io.EOF):
		return nil, syntaxProblem(err, data)
	}
	return doc.Content[0], nil
}

func checkSize(data []byte) *Problem {
	values := bytes.Count(data, []byte("\n")) + bytes.Count(data, []byte(","))
	switch {
	case len(data) > maxSize:
		return &Problem{Line: 1, Msg: fmt.Sprintf("the file has %d bytes; at most %d are read, so split it", len(data), maxSize)}
	case values > maxValues:
		return &Problem{Line: 1, Msg: fmt.Sprintf("the file has %d lines and commas; at most %d are read, so split it", values, maxValues)}
	case !utf8.Valid(data):
		return &Problem{Line: lineAt(data, invalidAt(data)), Msg: "this is not UTF-8; save the file as UTF-8"}
	}
	return nil
}

// invalidAt gives the offset of the first byte that is not UTF-8.
func invalidAt(data []byte) int {
	at := 0
	for at < len(data) {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	return at
}

func lineAt(data []byte, offset int) int {
	return 1 + bytes.Count(data[:min(offset, len(data))], []byte("\n"))
}

// syntaxProblem says where YAML ends to be YAML, and what it mostly is.
func syntaxProblem(err error, data []byte) *Problem {
	e, ok := errors.AsType[*yaml.LoadError](err)
	if !ok {
		return &Problem{Line: 1, Msg: err.Error()}
	}
	line := e.Mark.Line
	switch e.Stage {
	case "reader": // counts bytes, no lines
		return &Problem{Line: lineAt(data, e.Mark.Index), Msg: "not YAML: " + e.Message + "; remove the character"}
	case "composer": // its text repeats what may be a secret
		return &Problem{Line: line, Msg: "not YAML: an alias without its anchor; put quotes around text that begins with *"}
	}
	msg := "not YAML: " + e.Message
	if from := e.ContextMark.Line; from > 0 && from != line {
		msg += fmt.Sprintf(" (%s from line %d on)", e.ContextMsg, from)
	}
	return &Problem{Line: line, Msg: msg + hint(data, line)}
}

// hint names the likeliest cause of a line that is not YAML.
func hint(data []byte, line int) string {
	lines := bytes.SplitN(data, []byte("\n"), line+1)
	if line > len(lines) {
		return "; is a quote or bracket left open?"
	}
	text := lines[line-1]
	if indent := text[:len(text)-len(bytes.TrimLeft(text, " \t"))]; bytes.IndexByte(indent, '\t') >= 0 {
		return "; indent with spaces, not tabs"
	}
	return "; look at the indentation, and put quotes around text with a colon or # in it or a special character in front"
}
