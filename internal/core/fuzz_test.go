package core_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"keyrack/internal/core"
	"keyrack/internal/sshkey"
)

// needSeeds fails a fuzz target whose committed seeds have gone, which else
// would pass without having tried anything.
func needSeeds(f *testing.F) {
	f.Helper()
	if seeds, err := os.ReadDir(filepath.Join("testdata", "fuzz", f.Name())); err != nil || len(seeds) == 0 {
		f.Fatalf("seeds of %s: %d, %v, want some", f.Name(), len(seeds), err)
	}
}

// Whatever text a project gives, what is shown of it cannot steer a terminal,
// is text, and cleaning it again changes nothing.
func FuzzCleanText(f *testing.F) {
	needSeeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		clean := core.CleanText(text)
		if !utf8.ValidString(clean) {
			t.Errorf("cleanText(%q) = %q, want UTF-8", text, clean)
		}
		for _, r := range clean {
			if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
				t.Errorf("cleanText(%q) = %q, with %U in it", text, clean, r)
			}
		}
		if again := core.CleanText(clean); again != clean {
			t.Errorf("cleanText(%q) = %q, but that becomes %q", text, clean, again)
		}
		if kept := strings.Map(printable, text); kept != strings.Map(printable, clean) {
			t.Errorf("cleanText(%q) = %q, want all that is printable kept", text, clean)
		}
	})
}

// printable drops all but graphic characters.
func printable(r rune) rune {
	if unicode.IsGraphic(r) && r != utf8.RuneError {
		return r
	}
	return -1
}

// Whatever is sent as a key is either kept as it came and served as the key it
// is, or refused for a reason that the sender can read, and that shows nothing
// of a private key.
func FuzzAddKeyText(f *testing.F) {
	needSeeds(f)
	w := newWorld(f)
	ada := w.account(core.NewAccount{Login: "ada"})
	s := w.over(rehearsal{w.store})
	f.Fuzz(func(t *testing.T, name, text, comment string) {
		k, err := s.AddKey(t.Context(), operator, core.NewKey{
			Owner: ada.ID, Name: name, Text: text, Comment: comment, Unique: core.Uniqueness{Name: true, Key: true},
		})
		if err != nil {
			if core.KindOf(err) != core.Invalid || len(fieldsOf(err)) == 0 {
				t.Fatalf("AddKey(%q, %q, %q): %v (%v), want a field that is invalid", name, text, comment, err, core.KindOf(err))
			}
			refusedText(t, err, text)
			return
		}
		if k.Text != text || k.Name != name {
			t.Errorf("AddKey(%q, %q) kept %q, %q", name, text, k.Name, k.Text)
		}
		served := core.AuthorizedKeysText("ada", []core.ServedKey{{Name: k.Name, Public: k.Public}})
		line, err := sshkey.Parse(served)
		if err != nil || !line.Key.Equal(k.Public) || len(line.Options) > 0 || line.Certificate != nil || strings.Count(served, "\n") != 1 {
			t.Errorf("AddKey(%q, %q) is served as %q: %+v, %v; want the plain key on one line", name, text, served, line, err)
		}
	})
}

// refusedText checks what a refusal shows of a refused text.
func refusedText(t *testing.T, err error, text string) {
	t.Helper()
	for _, r := range err.Error() {
		if r > unicode.MaxASCII || unicode.IsControl(r) {
			t.Errorf("refusal %q of %q holds %U", err, text, r)
		}
	}
	if strings.Contains(text, "PRIVATE KEY") {
		for _, line := range strings.Split(text, "\n") {
			if len(line) > 24 && !strings.Contains(line, "PRIVATE KEY") && strings.Contains(err.Error(), line) {
				t.Errorf("refusal %q repeats the line %q", err, line)
			}
		}
	}
}
