package config

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyrack/internal/yamlfile"
)

// FuzzConfig: a file is refused with a place for each problem, or accepted and
// then read the same with flags that say the same.
func FuzzConfig(f *testing.F) {
	f.Add(bytes.ReplaceAll([]byte(Example()), []byte("url_file"), nil))
	f.Add([]byte(everyKey))
	for _, tt := range wrong {
		if !namesFiles([]byte(tt.content)) {
			f.Add([]byte(tt.content))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if namesFiles(data) {
			t.Skip("the files of this machine are not for fuzzing")
		}
		const path = "keyrack.yaml"
		c, err := load(path, data, noEnv, Flags{})
		if err != nil {
			checkPlaces(t, path, err)
			return
		}
		if again := c.Validate(); len(again) > 0 {
			t.Fatalf("load accepts what Validate refuses: %v", again)
		}
		flags := Flags{DataDir: c.DataDir, HTTPAddr: c.HTTPAddr, SSHAddr: c.SSHAddr, PublicURL: c.PublicURL, DatabaseURL: c.DatabaseURL.Reveal()}
		same, err := load(path, data, noEnv, flags)
		if err != nil {
			t.Fatalf("load with the file's own values as flags: %v", err)
		}
		if diff := cmp.Diff(c, same, equal); diff != "" {
			t.Fatalf("the file's own values as flags change it (-file +flags):\n%s", diff)
		}
	})
}

// namesFiles tells whether a document may name a file that is read; a backslash
// could spell the end of that key otherwise.
func namesFiles(data []byte) bool {
	return bytes.Contains(data, []byte("url_file")) || bytes.ContainsRune(data, '\\')
}

func checkPlaces(t *testing.T, path string, err error) {
	t.Helper()
	e, ok := errors.AsType[*yamlfile.Error](err)
	if !ok {
		t.Fatalf("load = %v, want a *yamlfile.Error", err)
	}
	for _, p := range e.Problems {
		if p.Where != path || p.Line < 1 || strings.ContainsAny(p.String(), "\n\r\x1b") {
			t.Errorf("problem %q does not stand on a line of %s", p, path)
		}
	}
}
