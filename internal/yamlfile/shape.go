package yamlfile

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// shape is what a struct wants of a mapping.
type shape struct {
	fields   map[string]int // key to index of the field
	names    []string       // in the order of the fields
	required []string
}

// shape reads the tags of a struct, once for each.
func (d *decoder) shape(of reflect.Type) shape {
	s, known := d.shapes[of]
	if known {
		return s
	}
	s.fields = map[string]int{}
	for i := range of.NumField() {
		name, option, _ := strings.Cut(of.Field(i).Tag.Get("yaml"), ",")
		if name == "" || name == "-" {
			continue
		}
		s.fields[name] = i
		s.names = append(s.names, name)
		if option == "required" {
			s.required = append(s.required, name)
		}
	}
	d.shapes[of] = s
	return s
}

func (s shape) list() string { return strings.Join(s.names, ", ") }

// unknown tells what may have been meant by a key that is none.
func (s shape) unknown(key string) string {
	if near := nearest(key, s.names); near != "" {
		return fmt.Sprintf("unknown key %s; did you mean %q?", quote(key), near)
	}
	return fmt.Sprintf("unknown key %s; known here are %s", quote(key), s.list())
}

// maxEcho is how much of a key a message repeats.
const maxEcho = 60

func quote(key string) string {
	if len(key) > maxEcho {
		return fmt.Sprintf("%+q...", key[:maxEcho])
	}
	return fmt.Sprintf("%+q", key)
}

// nearest gives the name that a misspelt word most likely stands for, or
// nothing: one letter may be wrong, and one in five more. Two letters that
// changed places are two wrong ones.
func nearest(word string, names []string) string {
	if len(word) > maxEcho {
		return ""
	}
	distance := func(name string) int { return editDistance(strings.ToLower(word), name) }
	best := slices.MinFunc(names, func(a, b string) int { return distance(a) - distance(b) })
	if distance(best) > 1+len(best)/5 {
		return ""
	}
	return best
}

// editDistance counts the letters to add, drop or change (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
