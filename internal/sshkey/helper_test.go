package sshkey_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"keyrack/internal/sshkey"
)

func readCorpus(tb testing.TB, file string) string {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(corpusDir, file))
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

func mustParse(tb testing.TB, text string) sshkey.Line {
	tb.Helper()
	line, err := sshkey.Parse(text)
	if err != nil {
		tb.Fatalf("Parse(%q) = %v, want a key", text, err)
	}
	return line
}

func parseCorpus(tb testing.TB, file string) sshkey.Line {
	tb.Helper()
	return mustParse(tb, readCorpus(tb, file))
}

// corpusFiles lists the corpus' files with an ending and fails if there are
// none.
func corpusFiles(tb testing.TB, ending string) []string {
	tb.Helper()
	paths, err := filepath.Glob(filepath.Join(corpusDir, "*"+ending))
	if err != nil || len(paths) == 0 {
		tb.Fatalf("no corpus files *%s: %v", ending, err)
	}
	for i, path := range paths {
		paths[i] = filepath.Base(path)
	}
	return paths
}

// wire writes strings as RFC 4251, section 5, has them.
func wire(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		n := len(p)
		b.Write([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
		b.WriteString(p)
	}
	return b.String()
}

// lineOf writes a line of authorized_keys.
func lineOf(name, blob string) string {
	return name + " " + base64.StdEncoding.EncodeToString([]byte(blob))
}

// fileBlob decodes the blob of a line without this package's help.
func fileBlob(tb testing.TB, line string) []byte {
	tb.Helper()
	blob, err := base64.StdEncoding.DecodeString(strings.Fields(line)[1])
	if err != nil {
		tb.Fatal(err)
	}
	return blob
}

func writeFile(tb testing.TB, path, text string) {
	tb.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, want sshkey.Code) {
	t.Helper()
	if e, ok := errors.AsType[*sshkey.Error](err); !ok || e.Code != want {
		t.Fatalf("error = %v, want one with code %v", err, want)
	}
}

// checkKey holds a key to what every PublicKey promises.
func checkKey(t *testing.T, key sshkey.PublicKey) {
	t.Helper()
	if key.IsZero() || strings.ContainsFunc(key.String(), func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Fatalf("key %q is zero or not printable", key)
	}
	line := mustParse(t, key.String())
	if !line.Key.Equal(key) || line.Comment != "" || line.Options != nil || line.Certificate != nil {
		t.Errorf("Parse(%q) = %+v, want only the key", key, line)
	}
	if again, err := sshkey.FromWire(key.Blob()); err != nil || !again.Equal(key) {
		t.Errorf("FromWire of %q = %v, %v, want the same", key, again, err)
	}
	checkForms(t, key)
}

// checkForms holds a key to the forms it can and cannot have.
func checkForms(t *testing.T, key sshkey.PublicKey) {
	t.Helper()
	known := slices.Contains(sshkey.KnownTypes(), key.Algorithm())
	pem, ok := key.PEM()
	_, isCrypto := key.CryptoPublicKey()
	if ok != known || isCrypto != known || (key.Bits() > 0) != known || key.Length() < 0 {
		t.Errorf("%q: PEM %v, crypto %v, bits %d, length %d, want them for known types only (%v)",
			key, ok, isCrypto, key.Bits(), key.Length(), known)
	}
	if known && !strings.HasPrefix(key.Algorithm(), "sk-") {
		if line := mustParse(t, pem); !line.Key.Equal(key) {
			t.Errorf("Parse(%q) = %v, want %v", pem, line.Key, key)
		}
	}
	judged := sshkey.Policy{AllowedTypes: []string{key.Algorithm()}, MinRSABits: -1}.Judge(key)
	if e, ok := errors.AsType[*sshkey.Error](judged); judged != nil && (!ok || e.Code != sshkey.CodeWeak) {
		t.Errorf("Judge(%q) = %v, want no reason but weakness", key, judged)
	}
}

// checkError holds an error to: a code, a text of printable ASCII and bounded
// length, and no more of the input in it than a name takes.
func checkError(t *testing.T, input string, err error) {
	t.Helper()
	e, ok := errors.AsType[*sshkey.Error](err)
	if !ok || strings.HasPrefix(e.Code.String(), "code(") {
		t.Fatalf("error of %q = %#v, want an *Error with a code", input, err)
	}
	if len(e.Msg) > 400 || strings.ContainsFunc(e.Msg, func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Errorf("error of %q = %q, want a short printable one", input, e.Msg)
	}
	const window = 65
	msg := strings.ReplaceAll(e.Msg, `\\`, `\`) // as they came
	for i := 0; i+window <= len(msg); i++ {
		if piece := msg[i : i+window]; strings.Contains(input, piece) && !strings.Contains(piece, " ") {
			t.Errorf("error of %q repeats %q", input, piece)
		}
	}
}

func checkShowable(t *testing.T, what, s string) {
	t.Helper()
	bad := func(r rune) bool {
		return r < ' ' && r != '\t' || r >= 0x7f && r <= 0x9f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 ||
			r == 0x2028 || r == 0x2029
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, bad) {
		t.Errorf("%s %q is not fit to be shown", what, s)
	}
}

// keygenOutput runs ssh-keygen with the C.UTF-8 locale, so that comments come
// out as they are, and in UTC.
func keygenOutput(tb testing.TB, args ...string) (string, error) {
	tb.Helper()
	path, err := exec.LookPath("ssh-keygen")
	if err != nil {
		tb.Fatalf("ssh-keygen is needed (Debian: openssh-client): %v", err)
	}
	cmd := exec.CommandContext(tb.Context(), path, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC")
	out, err := cmd.Output()
	return string(out), err
}

func keygen(tb testing.TB, args ...string) string {
	tb.Helper()
	out, err := keygenOutput(tb, args...)
	if err != nil {
		tb.Fatalf("ssh-keygen %q: %v", args, err)
	}
	return out
}

var keygenLine = regexp.MustCompile(`^(\d+) (\S+) (.*) \([A-Z0-9-]+\)\n$`)

// keygenFacts asks ssh-keygen about a file. It is false if it finds no key.
func keygenFacts(tb testing.TB, path string) (facts, bool) {
	tb.Helper()
	var f facts
	for hash, sum := range map[string]*string{"md5": &f.MD5, "sha256": &f.SHA256, "sha512": &f.SHA512} {
		out, err := keygenOutput(tb, "-l", "-E", hash, "-f", path)
		if err != nil {
			return facts{}, false
		}
		match := keygenLine.FindStringSubmatch(out)
		if match == nil {
			return facts{Comment: out}, true // several keys: equal to nothing
		}
		if _, err := fmt.Sscan(match[1], &f.Bits); err != nil {
			tb.Fatal(err)
		}
		*sum, f.Comment = match[2], match[3]
	}
	return f, true
}
