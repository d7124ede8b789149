package apply

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"keyrack/internal/yamlfile"
)

// FuzzParse: a file is refused with a line for each problem, or what it says
// can be written down anew and then asks for the same.
func FuzzParse(f *testing.F) {
	_, example := manual(f)
	f.Add(bytes.ReplaceAll(example, []byte("_file"), nil))
	for _, tt := range wrong {
		if !namesFiles([]byte(tt.yaml)) {
			f.Add([]byte(tt.yaml))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if namesFiles(data) {
			t.Skip("the files of this machine are not for fuzzing")
		}
		const name = "people.yaml"
		file, err := Parse(name, data)
		if err != nil {
			checkPlaces(t, name, err)
			return
		}
		var d document
		yamlfile.Decode(name, data, &d)
		rendered := render(t, d)
		again, err := Parse(name, rendered)
		if err != nil {
			t.Fatalf("Parse of what was rendered: %v\n%s", err, rendered)
		}
		if diff := cmp.Diff(file.Desired(), again.Desired(), equal, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("rendered as %s\nand parsed again (-first +second):\n%s", rendered, diff)
		}
	})
}

// namesFiles tells whether a document may name files; a backslash could spell
// the end of such a key otherwise.
func namesFiles(data []byte) bool {
	return bytes.Contains(data, []byte("_file")) || bytes.ContainsRune(data, '\\')
}

func checkPlaces(t *testing.T, name string, err error) {
	t.Helper()
	e, ok := errors.AsType[*yamlfile.Error](err)
	if !ok {
		t.Fatalf("Parse = %v, want a *yamlfile.Error", err)
	}
	for _, p := range e.Problems {
		if p.Where != name || p.Line < 1 || strings.ContainsAny(p.String(), "\n\r\x1b") {
			t.Errorf("problem %q does not stand on a line of %s", p, name)
		}
	}
}
