package yamlfile

import (
	"encoding"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.yaml.in/yaml/v4"

	"keyrack/internal/vault"
)

const (
	maxAliased = 100_000 // nodes read through aliases in all: a bomb has billions
	maxDepth   = 32      // of a part whose form is free
)

// Wanter is a type of values that reads itself from text.
type Wanter interface {
	encoding.TextUnmarshaler
	Want() string // what would be right, to follow "must be"
}

// wants is [Wanter.Want] for types of others.
var wants = map[reflect.Type]string{
	reflect.TypeFor[netip.Addr]():   "an IP address, as 10.0.0.5 or fd00::5",
	reflect.TypeFor[netip.Prefix](): "a network, as 10.0.0.0/8, or 10.0.0.5/32 for one address",
	reflect.TypeFor[uuid.UUID]():    "a UUID, as 0198c1e0-5a3b-7c44-9a51-0f6b3c2d1e00",
	reflect.TypeFor[slog.Level]():   "debug, info, warn or error",
}

// decoder is one run over a document.
type decoder struct {
	file    *File
	shapes  map[reflect.Type]shape
	inside  int // aliases around the node at hand
	aliased int // nodes read through aliases
}

// value decodes n, which stands at path, into out.
func (d *decoder) value(n *yaml.Node, out reflect.Value, path string) {
	defer d.leave(d.inside)
	n, ok := d.enter(n, path)
	if !ok {
		return
	}
	switch v := out.Addr().Interface().(type) {
	case *vault.Secret:
		d.parsed(n, out, path, "text that is not empty", func(text string) error {
			*v = vault.NewSecret(text)
			return filled(text)
		})
	case *Path:
		d.parsed(n, out, path, "the path of a file", func(text string) error {
			*v = Path(text)
			return filled(text)
		})
	case *time.Duration:
		d.parsed(n, out, path, "a length of time, as 90s, 12h or 30d", func(text string) (err error) {
			*v, err = ParseDuration(text)
			return err
		})
	case Wanter:
		d.parsed(n, out, path, v.Want(), unmarshal(v))
	case encoding.TextUnmarshaler:
		d.parsed(n, out, path, wants[out.Type()], unmarshal(v))
	default:
		d.plain(n, out, path)
	}
}

// plain decodes what Go has kinds for.
func (d *decoder) plain(n *yaml.Node, out reflect.Value, path string) {
	switch out.Kind() {
	case reflect.Struct:
		d.structure(n, out, path)
	case reflect.Slice:
		d.list(n, out, path)
	case reflect.Pointer: // what is there or not, so nothing would be in doubt
		if d.is(yaml.MappingNode, n, path, "a mapping") {
			out.Set(reflect.New(out.Type().Elem()))
			d.value(n, out.Elem(), path)
		}
	case reflect.Map:
		if d.is(yaml.MappingNode, n, path, "a mapping") {
			out.Set(reflect.ValueOf(d.free(n, path, maxDepth)))
		}
	case reflect.String:
		if text, ok := d.text(n, path, "text"); ok {
			out.SetString(text)
		}
	case reflect.Bool:
		d.boolean(n, out, path)
	case reflect.Int, reflect.Int64:
		d.integer(n, out, path)
	default:
		panic("yamlfile: cannot decode into " + out.Type().String())
	}
}

// enter follows aliases to the node they stand for and refuses what is no
// part of the format. The caller leaves when it is done with the node.
func (d *decoder) enter(n *yaml.Node, path string) (*yaml.Node, bool) {
	line := n.Line
	for n.Kind == yaml.AliasNode {
		d.inside++
		n = n.Alias
	}
	if d.inside > 0 {
		d.aliased++
	}
	switch {
	case d.aliased == maxAliased:
		d.file.note(line, path, "aliases repeat too much; write the values out")
		d.aliased++ // said once
	case n.Style&yaml.TaggedStyle != 0 && n.Tag != "!!str":
		d.file.note(n.Line, path, "tags are not understood; put quotes around text that begins with !")
		return n, false
	}
	return n, d.aliased < maxAliased
}

func (d *decoder) leave(before int) { d.inside = before }

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func (d *decoder) is(kind yaml.Kind, n *yaml.Node, path, want string) bool {
	if n.Kind == kind && !isNull(n) {
		return true
	}
	d.mismatch(n, path, want)
	return false
}

func (d *decoder) mismatch(n *yaml.Node, path, want string) {
	switch {
	case isNull(n):
		d.file.note(n.Line, path, "has no value; it must be %s, or the key be left out", want)
	case n.Kind == yaml.MappingNode:
		d.file.note(n.Line, path, "must be %s, not a mapping", want)
	case n.Kind == yaml.SequenceNode:
		d.file.note(n.Line, path, "must be %s, not a list", want)
	default:
		d.file.note(n.Line, path, "must be %s", want)
	}
}

// text gives a scalar as it is written.
func (d *decoder) text(n *yaml.Node, path, want string) (string, bool) {
	return n.Value, d.is(yaml.ScalarNode, n, path, want)
}

// parsed decodes a scalar by parse. What does not parse leaves out as it was.
func (d *decoder) parsed(n *yaml.Node, out reflect.Value, path, want string, parse func(string) error) {
	text, ok := d.text(n, path, want)
	if !ok {
		return
	}
	before := reflect.New(out.Type()).Elem()
	before.Set(out)
	if parse(text) != nil {
		out.Set(before)
		d.mismatch(n, path, want)
	}
}

var errEmpty = errors.New("empty")

func filled(text string) error {
	if text == "" {
		return errEmpty
	}
	return nil
}

func unmarshal(v encoding.TextUnmarshaler) func(string) error {
	return func(text string) error { return v.UnmarshalText([]byte(text)) }
}

// boolean takes YAML 1.2's words and, since many still write them, 1.1's.
func (d *decoder) boolean(n *yaml.Node, out reflect.Value, path string) {
	word := strings.ToLower(n.Value) // empty for what is no scalar
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		word = ""
	}
	switch word {
	case "true", "yes", "on":
		out.SetBool(true)
	case "false", "no", "off":
		out.SetBool(false)
	default:
		d.mismatch(n, path, "true or false, without quotes")
	}
}

// integer takes decimal digits alone: 010 is eight to some and ten to others.
func (d *decoder) integer(n *yaml.Node, out reflect.Value, path string) {
	i, err := strconv.ParseInt(n.Value, 10, 64)
	if n.Tag != "!!int" || err != nil || strconv.FormatInt(i, 10) != n.Value || out.OverflowInt(i) {
		d.mismatch(n, path, "a whole number")
		return
	}
	out.SetInt(i)
}

func (d *decoder) list(n *yaml.Node, out reflect.Value, path string) {
	if isNull(n) { // as above
		out.SetZero()
		return
	}
	if !d.is(yaml.SequenceNode, n, path, "a list") {
		return
	}
	out.Set(reflect.MakeSlice(out.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		d.value(item, out.Index(i), path+"["+strconv.Itoa(i)+"]")
	}
}

func (d *decoder) structure(n *yaml.Node, out reflect.Value, path string) {
	s := d.shape(out.Type())
	// Nothing is a key whose entries are all commented out.
	if !isNull(n) && !d.is(yaml.MappingNode, n, path, "a mapping with keys as "+s.list()) {
		return
	}
	seen := d.entries(n, path, func(key, value *yaml.Node) {
		i, known := s.fields[key.Value]
		if !known {
			d.file.note(key.Line, path, "%s", s.unknown(key.Value))
			return
		}
		d.value(value, out.Field(i), join(path, key.Value))
		if isEmpty(value) && slices.Contains(s.required, key.Value) {
			d.file.note(key.Line, join(path, key.Value), "must not be empty")
		}
	})
	for _, name := range s.required {
		if seen[name] == 0 {
			d.file.note(n.Line, path, "%s is missing", name)
		}
	}
}

func isEmpty(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && !isNull(n) && n.Value == "" }

// entries runs one over the entries of a mapping, but those whose key was
// there before: it must not be the reader who decides which one counts. It
// gives the line of each key.
func (d *decoder) entries(n *yaml.Node, path string, one func(key, value *yaml.Node)) map[string]int {
	seen := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch line := seen[key.Value]; {
		case key.Tag == "!!merge":
			d.file.note(key.Line, path, `merge keys ("<<") are not understood; write the keys out`)
		case key.Kind != yaml.ScalarNode || isNull(key) || key.Style&yaml.TaggedStyle != 0:
			d.file.note(key.Line, path, "a key must be a word")
		case line > 0:
			d.file.note(key.Line, path, "key %s is given twice, first on line %d; remove one", quote(key.Value), line)
		default:
			seen[key.Value] = key.Line
			one(key, n.Content[i+1])
		}
	}
	return seen
}

// free decodes a part whose form is not known here into what JSON can say.
func (d *decoder) free(n *yaml.Node, path string, depth int) any {
	defer d.leave(d.inside)
	n, ok := d.enter(n, path)
	switch {
	case !ok:
		return nil
	case depth == 0:
		d.file.note(n.Line, path, "is nested too deeply")
		return nil
	case n.Kind == yaml.MappingNode:
		out := map[string]any{}
		d.entries(n, path, func(key, value *yaml.Node) {
			out[key.Value] = d.free(value, join(path, key.Value), depth-1)
		})
		return out
	case n.Kind == yaml.SequenceNode:
		out := make([]any, len(n.Content))
		for i, item := range n.Content {
			out[i] = d.free(item, fmt.Sprintf("%s[%d]", path, i), depth-1)
		}
		return out
	}
	return d.freeScalar(n, path)
}

func (d *decoder) freeScalar(n *yaml.Node, path string) any {
	if n.Tag == "!!str" || n.Tag == "!!timestamp" {
		return n.Value
	}
	var v any
	err := n.Load(&v)
	if f, ok := v.(float64); err != nil || ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
		d.mismatch(n, path, "text, a finite number, true, false or null")
		return nil
	}
	return v
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// ParseDuration reads a length of time: as Go writes it, or whole days as 30d.
// It is never negative.
func ParseDuration(text string) (time.Duration, error) {
	const day = 24 * time.Hour
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16) // 65535 days are 179 years, which a Duration can hold
		return time.Duration(n) * day, err
	}
	length, err := time.ParseDuration(text)
	if err == nil && length < 0 {
		err = strconv.ErrRange
	}
	return length, err
}
