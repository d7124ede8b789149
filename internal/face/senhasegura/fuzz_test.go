package senhasegura

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// needSeeds fails a fuzz target whose committed seeds have gone, which else
// would pass without having tried anything.
func needSeeds(f *testing.F) {
	f.Helper()
	if seeds, err := os.ReadDir(filepath.Join("testdata", "fuzz", f.Name())); err != nil || len(seeds) == 0 {
		f.Fatalf("seeds of %s: %d, %v, want some", f.Name(), len(seeds), err)
	}
}

// Whatever form is sent: it is read or refused, what is read can be said in
// JSON, and of a field that no bracket is about it says what net/url says.
func FuzzForm(f *testing.F) {
	needSeeds(f)
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		got, err := readFields(r)
		if err != nil {
			return
		}
		if _, err := json.Marshal(got); err != nil {
			t.Fatalf("readFields(%q) = %v, which is no JSON: %v", body, got, err)
		}
		values, err := url.ParseQuery(body)
		if err != nil || strings.TrimSpace(body) == "" {
			return // net/url takes no semicolons; blanks alone are no body
		}
		for name, all := range values {
			if name != "" && !strings.ContainsAny(name, "[]") && (len(all) != 1 || got[name] != all[0]) {
				t.Errorf("readFields(%q)[%q] = %v, want %q", body, name, got[name], all)
			}
		}
		if _, err := got.key(); err == nil {
			_, _ = got.device()
		}
	})
}
