package sshkey_test

import (
	"encoding/base64"
	"errors"
	"math/big"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyrack/internal/sshkey"
)

// This file holds the package to ssh-keygen of the machine: over the corpus
// nothing may differ; over mutated keys only what is listed here.

// stricter are the codes of texts that ssh-keygen -l takes for a key and this
// package does not, and why.
var stricter = map[sshkey.Code]string{
	sshkey.CodeCharacters: "ssh-keygen reads bytes, as far as a NUL, and shows what is there",
	sshkey.CodeSeveral:    "ssh-keygen reads a file of many keys and skips lines that are none",
	sshkey.CodeOptions:    "ssh-keygen skips any first word, as a host name or options; sshd refuses unknown ones",
	sshkey.CodeTypeName:   "ssh-keygen takes the name of a signature algorithm for that of its key type",
	sshkey.CodeNumber:     "ssh-keygen drops leading zero bytes and prints the fingerprint of the rest",
	sshkey.CodeModulus:    "ssh-keygen does not look at an RSA modulus",
	sshkey.CodeExponent:   "ssh-keygen does not look at an RSA exponent",
	sshkey.CodeDSA:        "ssh-keygen reads DSA keys of all sizes, with any parameters",
	sshkey.CodePrivateKey: "ssh-keygen looks for private keys in the first line alone",
}

// oracle compares readings with those of the ssh-keygen of this machine.
type oracle struct {
	dir      string
	readsDSA bool // OpenSSH has none from version 10 on
}

func newOracle(t *testing.T) oracle {
	t.Helper()
	_, ok := keygenFacts(t, filepath.Join(corpusDir, "dsa.pub"))
	if !ok {
		t.Log("this ssh-keygen has no DSA")
	}
	return oracle{dir: t.TempDir(), readsDSA: ok}
}

// compare reads a text with both. It returns how they differ, as one of the
// listed reasons, or "" if they agree, and fails for any other difference.
func (o oracle) compare(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(o.dir, "key.pub")
	writeFile(t, path, text)
	line, err := sshkey.Parse(text)
	theirs, ok := keygenFacts(t, path)
	switch {
	case err != nil && !ok:
		return ""
	case err != nil:
		why := whyStricter(text, err)
		if why == "" {
			t.Errorf("Parse(%q) = %v, ssh-keygen reads %+v", text, err, theirs)
		}
		return why
	case !ok:
		why := o.whyLaxer(line)
		if why == "" {
			t.Errorf("Parse(%q) = %v, ssh-keygen reads no key", text, line.Key)
		}
		return why
	}
	theirs.Comment = strings.Trim(theirs.Comment, " \t\r") // OpenSSH 9.2 keeps a CR
	if diff := cmp.Diff(theirs, factsOf(line)); diff != "" {
		t.Errorf("Parse(%q), difference to ssh-keygen (-ssh-keygen +ours):\n%s", text, diff)
	}
	return ""
}

// whyStricter says why this package refuses what ssh-keygen reads, or "".
func whyStricter(text string, err error) string {
	e, ok := errors.AsType[*sshkey.Error](err)
	if !ok {
		return ""
	}
	if why := stricter[e.Code]; why != "" {
		return why
	}
	// A type as the word that ssh-keygen skips; to us, and to sshd, it begins a
	// key that is broken.
	_, rest, _ := strings.Cut(strings.Trim(text, " \t"), " ")
	if _, err := sshkey.Parse(rest); err == nil {
		return stricter[sshkey.CodeOptions]
	}
	return ""
}

const (
	unknownType = "a type ssh-keygen does not know"
	smallRSA    = "an RSA key under 1024 bits, which OpenSSH does not read; that is for a policy to say"
	tinyPoint   = "OpenSSH before 10 refuses points with a tiny coordinate"
	noDSA       = "OpenSSH has no DSA from version 10 on"
)

// whyLaxer says why this package reads what ssh-keygen refuses, or "".
func (o oracle) whyLaxer(line sshkey.Line) string {
	switch k := line.Key; {
	case !slices.Contains(sshkey.KnownTypes(), k.Algorithm()):
		return unknownType
	case k.Algorithm() == "ssh-rsa" && k.Bits() < 1024:
		return smallRSA
	case k.Algorithm() == "ssh-dss" && !o.readsDSA:
		return noDSA
	case strings.Contains(string(k.Blob()), "\x04"+strings.Repeat("\x00", 16)):
		return tinyPoint
	}
	return ""
}

func TestKeygenAgreesOnCorpus(t *testing.T) {
	t.Parallel()
	o := newOracle(t)
	for _, file := range corpusFiles(t, ".pub") {
		if why := o.compare(t, readCorpus(t, file)); why != "" && why != noDSA {
			t.Errorf("%s: ssh-keygen differs: %s", file, why)
		}
	}
}

// ssh-keygen -i turns an export into the line we normalise it to.
func TestKeygenAgreesOnExports(t *testing.T) {
	t.Parallel()
	o := newOracle(t)
	for ending, export := range exportForms {
		for _, file := range corpusFiles(t, ending) {
			if strings.HasPrefix(file, "dsa") && !o.readsDSA {
				continue
			}
			want := keygen(t, "-i", "-m", export.keygenM, "-f", filepath.Join(corpusDir, file))
			if got := parseCorpus(t, file).Key.String(); got != strings.TrimSpace(want) {
				t.Errorf("%s: Parse = %q, ssh-keygen -i gives %q", file, got, want)
			}
		}
	}
}

// Each listed difference is one: here is a text for it. When ssh-keygen comes
// to agree, the entry goes.
func TestKeygenDiffersAsListed(t *testing.T) {
	t.Parallel()
	o := newOracle(t)
	rsa := parseCorpus(t, "rsa2048.pub").Key.String()
	for text, want := range map[string]string{
		ed25519Key + " a\x1bb":                                 stricter[sshkey.CodeCharacters],
		ed25519Key + "\n" + otherKey + "\n":                    stricter[sshkey.CodeSeveral],
		"host.example.org " + ed25519Key:                       stricter[sshkey.CodeOptions],
		"ssh-rsa " + ed25519Key:                                stricter[sshkey.CodeOptions],
		"rsa-sha2-512" + rsa[len("ssh-rsa"):]:                  stricter[sshkey.CodeTypeName],
		rsaLine("\x00\x03", goodModulus):                       stricter[sshkey.CodeNumber],
		rsaLine("\x01", goodModulus):                           stricter[sshkey.CodeExponent],
		ed25519Key + "\n-----BEGIN OPENSSH PRIVATE KEY-----\n": stricter[sshkey.CodePrivateKey],
		lineOf("ssh-new", wire("ssh-new", "x")):                unknownType,
		rsaLine("\x03", "\x00"+strings.Repeat("\xc3", 64)):     smallRSA,
	} {
		if why := o.compare(t, text); why != want {
			t.Errorf("Parse(%q) differs from ssh-keygen by %q, want %q", text, why, want)
		}
	}
	want := stricter[sshkey.CodeDSA]
	if !o.readsDSA {
		want = ""
	}
	badDSA := lineOf("ssh-dss", wire("ssh-dss", dsaPrime, dsaOrder, dsaPrime, "\x05"))
	if why := o.compare(t, badDSA); why != want {
		t.Errorf("Parse(%q) differs from ssh-keygen by %q, want %q", badDSA, why, want)
	}
}

// The point with x = 0 is on the curve like any other; only some versions of
// ssh-keygen think otherwise.
func TestKeygenAndTinyPoint(t *testing.T) {
	t.Parallel()
	y := new(big.Int).ModSqrt(p256.B, p256.P)
	point := "\x04" + pad(new(big.Int), 32) + pad(y, 32)
	text := lineOf("ecdsa-sha2-nistp256", wire("ecdsa-sha2-nistp256", "nistp256", point))
	mustParse(t, text)
	if why := newOracle(t).compare(t, text); why != "" && why != tinyPoint {
		t.Errorf("Parse(%q) differs from ssh-keygen by %q, want %q", text, why, tinyPoint)
	}
}

func rsaLine(exponent, modulus string) string {
	return lineOf("ssh-rsa", wire("ssh-rsa", exponent, modulus))
}

// mutations change a line of the corpus as typing, copying or an attacker might.
var mutations = []struct {
	name string
	make func(r *rand.Rand, line string) string
}{
	{"as it is", func(_ *rand.Rand, line string) string { return line }},
	{"character changed", func(r *rand.Rand, line string) string {
		i := r.IntN(len(line))
		return line[:i] + string(rune(' '+r.IntN(95))) + line[i+1:]
	}},
	{"base64 changed", func(r *rand.Rand, line string) string {
		return onBase64(line, func(b64 string) string {
			i := r.IntN(len(b64))
			return b64[:i] + string(base64Alphabet[r.IntN(64)]) + b64[i+1:]
		})
	}},
	{"character removed", func(r *rand.Rand, line string) string {
		i := r.IntN(len(line))
		return line[:i] + line[i+1:]
	}},
	{"character added", func(r *rand.Rand, line string) string {
		i := r.IntN(len(line))
		return line[:i] + string([]byte{" \t\"\\,=#@A/\n"[r.IntN(11)]}) + line[i:]
	}},
	{"cut", func(r *rand.Rand, line string) string { return line[:r.IntN(len(line))] }},
	{"bit flipped", func(r *rand.Rand, line string) string {
		return onBlob(line, func(blob []byte) []byte {
			blob[r.IntN(len(blob))] ^= 1 << r.IntN(8)
			return blob
		})
	}},
	{"head's bit flipped", func(r *rand.Rand, line string) string {
		return onBlob(line, func(blob []byte) []byte {
			blob[r.IntN(min(48, len(blob)))] ^= 1 << r.IntN(8)
			return blob
		})
	}},
	{"bytes added", func(r *rand.Rand, line string) string {
		return onBlob(line, func(blob []byte) []byte { return append(blob, make([]byte, 1+r.IntN(8))...) })
	}},
	{"bytes removed", func(r *rand.Rand, line string) string {
		return onBlob(line, func(blob []byte) []byte { return blob[:len(blob)-1-r.IntN(40)] })
	}},
	{"number padded", func(_ *rand.Rand, line string) string {
		return onBlob(line, func(blob []byte) []byte {
			at := strings.Index(string(blob), "\x00\x00\x00\x03\x01\x00\x01") // an RSA key's exponent
			if at < 0 {
				return blob
			}
			return slices.Concat(blob[:at], []byte("\x00\x00\x00\x04\x00\x01\x00\x01"), blob[at+7:])
		})
	}},
	{"other type in front", func(r *rand.Rand, line string) string {
		_, rest, _ := strings.Cut(line, " ")
		names := append(sshkey.KnownTypes(), "rsa-sha2-256", "ssh-new", "ED25519", "ssh-ed25519-cert-v01@openssh.com",
			"webauthn-sk-ecdsa-sha2-nistp256@openssh.com")
		return names[r.IntN(len(names))] + " " + rest
	}},
	{"word in front", func(r *rand.Rand, line string) string {
		words := []string{
			"no-pty", `command="a b"`, `command="a \" b",restrict`, `from="10.0.0.1`, "host", "*.example.org,10.0.0.1", "restrict,", "1024",
			`environment="A=b c",no-user-rc`, "#", `"quoted word"`, `a"b c"d`, "ssh-rsa", "AAAA",
		}
		return words[r.IntN(len(words))] + " " + line
	}},
	{"other comment", func(r *rand.Rand, line string) string {
		f := strings.Fields(line)
		comments := []string{"", "#x", "x #y", "Zoë", "no comment", "a\tb", `"`, `\`, "\u00a0", "(RSA)", "\u200b", "  x  ", "AAAA"}
		return f[0] + " " + f[1] + " " + comments[r.IntN(len(comments))]
	}},
	{"other blanks", func(r *rand.Rand, line string) string {
		blanks := []string{"\t", "  ", " \t ", "\r", "\v", "\f", "\u00a0", "\n"}
		return blanks[r.IntN(4)] + strings.Replace(line, " ", blanks[r.IntN(len(blanks))], 1+r.IntN(2)) + []string{"", "\r\n", "\n\n", " ", "\t"}[r.IntN(5)]
	}},
	{"line around", func(r *rand.Rand, line string) string {
		lines := []string{"# comment", "", "  ", "not a key", otherKey}
		return lines[r.IntN(len(lines))] + "\n" + line + "\n" + lines[r.IntN(len(lines))]
	}},
}

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

func onBase64(line string, change func(string) string) string {
	f := strings.SplitN(line, " ", 3)
	f[1] = change(f[1])
	return strings.Join(f, " ")
}

func onBlob(line string, change func([]byte) []byte) string {
	return onBase64(line, func(b64 string) string {
		blob, err := base64.StdEncoding.DecodeString(b64)
		if err != nil {
			panic(err) // the corpus is well-formed
		}
		return base64.StdEncoding.EncodeToString(change(blob))
	})
}

// mutatedKeys is how many mutations are tried; each costs ssh-keygen one run,
// or three if it finds a key.
const mutatedKeys = 512

func TestKeygenAgreesOnMutations(t *testing.T) {
	t.Parallel()
	o := newOracle(t)
	files := corpusFiles(t, ".pub")
	differed := map[string]int{}
	for i := range mutatedKeys {
		r := rand.New(rand.NewPCG(2, uint64(i))) // the same keys in each run
		m := mutations[i%len(mutations)]
		line := strings.TrimSuffix(readCorpus(t, files[r.IntN(len(files))]), "\n")
		if why := o.compare(t, m.make(r, line)); why != "" {
			differed[why]++
		}
		if t.Failed() {
			t.Fatalf("that was mutation %d, %s", i, m.name)
		}
	}
	for why, n := range differed {
		t.Logf("%d of %d differed: %s", n, mutatedKeys, why)
	}
}
