package sshd

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestSanitize(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"plain", "Acme keys\n\tgrüße 鍵 🔑\n", "Acme keys\n\tgrüße 鍵 🔑\n"},
		{"colour", "\x1b[31mred\x1b[0m", "[31mred[0m"},
		{"window title", "\x1b]0;pwned\x07", "]0;pwned"},
		{"clipboard", "\x1b]52;c;cm0gLXJm\x1b\\", "]52;c;cm0gLXJm\\"},
		{"device control", "\x1bP+q544e\x1b\\", "P+q544e\\"},
		{"C1 in UTF-8", "a\u009b31mb\u0085c", "a31mbc"},
		{"C1 in one byte", "a\x9b31mb", "a31mb"},
		{"carriage return that rewrites the line", "good\rbad", "goodbad"},
		{"backspace", "good\b\b\b\bbad", "goodbad"},
		{"bell, null, delete", "\a\x00\x7f", ""},
		{"text direction", "a\u202eb\u2066c\u200fd\u061ce", "abcde"},
		{"invisible", "a\u200bb\ufeffc\u2060d\u00ade", "abcde"},
		{"other line ends", "a\u2028b\u2029c\vd\fe", "abcde"},
		{"other blanks", "a\u00a0b\u3000c", "a b c"},
		{"tag characters", "a\U000e0041b", "ab"},
		{"broken UTF-8", "a\xc3(\xff\xfe\xed\xa0\x80b", "a(b"},
		{"too long", strings.Repeat("é", 3000), strings.Repeat("é", 2048)},
		{"cut inside a character", "x" + strings.Repeat("é", 3000), "x" + strings.Repeat("é", 2047)},
	} {
		if got := Sanitize(c.in); got != c.want {
			t.Errorf("%s: Sanitize(%q) = %q, want %q", c.name, c.in, got, c.want)
		}
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10", "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10"},
		{"SSH-2.0-a\x1b[31m\tb\nc\rd\x00e\x7ff", "SSH-2.0-a[31mbcdef"},
		{"SSH-2.0-ü\u202e\xff", "SSH-2.0-"},
		{strings.Repeat("a", 300), strings.Repeat("a", 255)},
		{"", ""},
	} {
		if got := printable(c.in, maxVersion); got != c.want {
			t.Errorf("printable(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

// What gets through is what a terminal shows as it stands.
func FuzzSanitize(f *testing.F) {
	for _, seed := range []string{
		"", "plain\n", "\x1b]52;c;ZXZpbA==\x07", "\x1b[2J\x1b[H", "\x9b31m", "\u009b31m", "a\u202eb\u2066", "\xff\xfe\xc3(",
		"\u00a0\u3000\u2028", "\U000e0041", strings.Repeat("é", 3000), "x" + strings.Repeat("鍵", 2000), "\ufffd", "e\u0301",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := Sanitize(text)
		if !utf8.ValidString(got) || len(got) > maxText {
			t.Errorf("Sanitize(%q): %d bytes, valid UTF-8: %v", text, len(got), utf8.ValidString(got))
		}
		for _, r := range got {
			if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs)) {
				t.Errorf("Sanitize(%q) lets %U through", text, r)
			}
		}
		if again := Sanitize(got); again != got {
			t.Errorf("Sanitize(%q) = %q, and of that %q", text, got, again)
		}
		if harmless := isHarmless(text); harmless && got != text {
			t.Errorf("Sanitize(%q) = %q, which changes plain text", text, got)
		}
	})
}

// isHarmless tells text that nobody could want changed.
func isHarmless(text string) bool {
	for _, r := range text {
		if r != '\n' && (r < ' ' || r > '~') {
			return false
		}
	}
	return len(text) <= maxText
}
