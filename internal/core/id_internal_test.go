package core

import (
	"strings"
	"testing"
)

func TestRandomText(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		make     func() string
		alphabet string
		length   int
	}{
		"short id":     {NewShortID, shortAlphabet, 8},
		"identifier":   {NewIdentifier, identifierAlphabet, 20},
		"API key":      {newAPISecret, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 32},
		"Waldur token": {func() string { return newTokenSecret(UseWaldur) }, "0123456789abcdef", 40},
	}
	for name, tt := range tests {
		seen, chars := map[string]bool{}, map[rune]bool{}
		for range 2000 {
			text := tt.make()
			if len(text) != tt.length || strings.Trim(text, tt.alphabet) != "" {
				t.Fatalf("%s = %q, want %d of %s", name, text, tt.length, tt.alphabet)
			}
			if seen[text] {
				t.Errorf("%s %q was given twice", name, text)
			}
			seen[text] = true
			for _, r := range text {
				chars[r] = true
			}
		}
		if len(chars) != len(tt.alphabet) {
			t.Errorf("%s uses %d characters, want all %d", name, len(chars), len(tt.alphabet))
		}
	}
}

// Every character has the same number of bytes that give it: those that would
// give the first ones once more are thrown away.
func TestRandomTextHasNoBias(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 256; n++ {
		limit := byteLimit(n)
		if limit%n != 0 || limit < 1 || limit > 256 || 256-limit >= n {
			t.Errorf("byteLimit(%d) = %d, want the largest multiple up to 256", n, limit)
		}
	}
}

func TestAlphabets(t *testing.T) {
	t.Parallel()
	for _, alphabet := range []string{shortAlphabet, identifierAlphabet} {
		for i, r := range alphabet {
			if strings.IndexRune(alphabet, r) != i {
				t.Errorf("%q is twice in %q", r, alphabet)
			}
		}
	}
	if strings.ContainsAny(shortAlphabet, "01ILOU") || strings.ContainsAny(identifierAlphabet, "01lo") {
		t.Errorf("%q or %q has characters that look alike", shortAlphabet, identifierAlphabet)
	}
	if len(identifierAlphabet) != 32 { // 20 times 5 bits are the 100 that SECURITY.md promises
		t.Errorf("identifiers have %d characters to choose from, want 32", len(identifierAlphabet))
	}
}

func TestIsIdentifier(t *testing.T) {
	t.Parallel()
	for range 100 {
		if id := NewIdentifier(); !isIdentifier(id) {
			t.Errorf("isIdentifier(%q) = false, want true", id)
		}
	}
	for _, text := range []string{"", "a", strings.Repeat("a", 19), strings.Repeat("a", 21), strings.Repeat("A", 20), strings.Repeat("a", 19) + "\x00", "abcdefghij klmnpqrst"} {
		if isIdentifier(text) {
			t.Errorf("isIdentifier(%q) = true, want false", text)
		}
	}
}

func TestMoment(t *testing.T) {
	t.Parallel()
	// The zero time stays zero: it means never.
	if got := Moment(Session{}.ExpiresAt); !got.IsZero() {
		t.Errorf("Moment of zero = %v, want zero", got)
	}
}

func TestCleanText(t *testing.T) {
	t.Parallel()
	if cleanText(nil) != nil {
		t.Error("cleanText(nil) is not nil")
	}
	tests := map[string]string{
		"":                          "",
		"Hello,\n\tyou":             "Hello,\n\tyou",
		"größer 東京 🔑":               "größer 東京 🔑",
		"a\x1b[31mred\x1b[0m":       "a[31mred[0m",
		"title\x1b]0;x\x07":         "title]0;x",
		"over\rwritten":             "overwritten",
		"\u009b31m one byte CSI":    "31m one byte CSI",
		"turn \u202e\u2066 around":  "turn  around",
		"zero\u200bwidth\ufeff":     "zerowidth",
		"broken \xff\xfe UTF-8":     "broken  UTF-8",
		"replacement \ufffd":        "replacement ",
		"lines\u2028and\u2029paras": "lines\u2028and\u2029paras",
	}
	for text, want := range tests {
		if got := cleanText(&text); *got != want {
			t.Errorf("cleanText(%q) = %q, want %q", text, *got, want)
		}
	}
}
