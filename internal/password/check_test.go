package password_test

import (
	"strings"
	"testing"

	"keyrack/internal/password"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("rubato lintel ", 20)
	tests := map[string]struct{ text, want string }{
		"good":                   {"correct-horse-battery", ""},
		"no text":                {"correct-horse-\xff", "must be valid UTF-8"},
		"nothing":                {"", "must have at least 12 characters"},
		"a character short":      {"rubato-lint", "must have at least 12 characters"},
		"just enough":            {"rubato-linte", ""},
		"characters, not bytes":  {"äöüäöü", "must have at least 12 characters"},
		"as long as can be":      {long[:256], ""},
		"a byte long":            {long[:257], "must have at most 256 bytes"},
		"guessed first":          {"Password123!", "must not be one of those that are guessed first"},
		"long, of two bytes all": {strings.Repeat("äü", 65), "must have at most 256 bytes"},
	}
	for name, tt := range tests {
		got := ""
		if err := password.Check(tt.text); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: Check = %q, want %q", name, got, tt.want)
		}
	}
}
