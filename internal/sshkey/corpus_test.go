package sshkey_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyrack/internal/sshkey"
)

// With -update the seeds of the fuzz targets are written anew, and before them,
// where its directory is missing, the corpus: keys, certificates, exports and
// golden values by the ssh-keygen of the machine.
var update = flag.Bool("update", false, "write fuzz seeds anew, and the corpus where it is missing")

const corpusDir = "testdata/corpus"

// The corpus holds OpenSSH lines as *.pub, and exports of some of them under
// the name of the line's file with one of these endings.
var exportForms = map[string]struct {
	form    sshkey.Form
	keygenM string // ssh-keygen's name for it, option -m
}{
	".rfc4716": {sshkey.FormRFC4716, "RFC4716"},
	".pkcs8":   {sshkey.FormPKIX, "PKCS8"},
	".pkcs1":   {sshkey.FormPKCS1, "PEM"},
}

// facts are what ssh-keygen -l tells of a key.
type facts struct {
	Bits                int
	MD5, SHA256, SHA512 string
	Comment             string
}

func factsOf(line sshkey.Line) facts {
	return facts{
		Bits:    line.Key.Bits(),
		MD5:     line.Key.MD5().String(),
		SHA256:  line.Key.SHA256().String(),
		SHA512:  line.Key.SHA512().String(),
		Comment: keygenComment(line),
	}
}

// keygenComment is the comment as ssh-keygen -l shows it: none if it begins
// with #, and then the options instead.
func keygenComment(line sshkey.Line) string {
	switch {
	case line.Comment != "" && line.Comment[0] != '#':
		return line.Comment
	case len(line.Options) > 0:
		return strings.Join(line.Options, ",")
	default:
		return "no comment"
	}
}

const goldenFile = "golden.tsv"

// readGolden reads what ssh-keygen said of each line when the corpus was made.
func readGolden(t *testing.T) map[string]facts {
	t.Helper()
	golden := map[string]facts{}
	for row := range strings.Lines(readCorpus(t, goldenFile)) {
		f := strings.Split(strings.TrimSuffix(row, "\n"), "\t")
		var bits int
		if _, err := fmt.Sscan(f[1], &bits); err != nil || len(f) != 6 {
			t.Fatalf("%s: bad row %q: %v", goldenFile, row, err)
		}
		golden[f[0]] = facts{bits, f[2], f[3], f[4], f[5]}
	}
	return golden
}

func TestCorpusGolden(t *testing.T) {
	if *update {
		if _, err := os.Stat(corpusDir); os.IsNotExist(err) {
			makeCorpus(t)
		}
		makeFuzzSeeds(t)
	}
	golden := readGolden(t)
	files := corpusFiles(t, ".pub")
	if len(golden) != len(files) {
		t.Errorf("%d golden rows for %d lines", len(golden), len(files))
	}
	for _, file := range files {
		line := parseCorpus(t, file)
		if diff := cmp.Diff(golden[file], factsOf(line)); diff != "" {
			t.Errorf("%s: difference to ssh-keygen's golden values (-want +got):\n%s", file, diff)
		}
		if line.Form != sshkey.FormOpenSSH {
			t.Errorf("%s: Form = %v, want %v", file, line.Form, sshkey.FormOpenSSH)
		}
		if isCert := strings.Contains(file, "-cert"); isCert != (line.Certificate != nil) {
			t.Errorf("%s: Certificate = %v, want one: %v", file, line.Certificate, isCert)
		}
	}
}

func TestCorpusExportsAreTheSameKeys(t *testing.T) {
	t.Parallel()
	for ending, export := range exportForms {
		for _, file := range corpusFiles(t, ending) {
			source := parseCorpus(t, strings.TrimSuffix(file, ending)+".pub")
			line := parseCorpus(t, file)
			if !line.Key.Equal(source.Key) || line.Form != export.form {
				t.Errorf("%s: Parse = %v in form %v, want %v in form %v",
					file, line.Key, line.Form, source.Key, export.form)
			}
			if export.form == sshkey.FormPKIX {
				if pem, ok := line.Key.PEM(); !ok || pem != readCorpus(t, file) {
					t.Errorf("%s: PEM() = %q, %v, want the file", file, pem, ok)
				}
			}
		}
	}
}

// Each known type stands in the corpus as a plain key and within a certificate.
func TestCorpusHoldsEveryType(t *testing.T) {
	t.Parallel()
	plain, certified := map[string]bool{}, map[string]bool{}
	for _, file := range corpusFiles(t, ".pub") {
		line := parseCorpus(t, file)
		if line.Certificate == nil {
			plain[line.Key.Algorithm()] = true
		} else {
			certified[line.Key.Algorithm()] = true
		}
	}
	for _, name := range sshkey.KnownTypes() {
		if !plain[name] || !certified[name] {
			t.Errorf("type %s: plain %v, certified %v, want both", name, plain[name], certified[name])
		}
	}
}

// keysToMake are the plain keys: ssh-keygen's options and the comment.
var keysToMake = map[string]struct{ kind, bits, comment string }{
	"ed25519":       {"ed25519", "256", "ada@laptop"},
	"ed25519-plain": {"ed25519", "256", ""},
	"rsa1024":       {"rsa", "1024", "old key of ada"},
	"rsa2048":       {"rsa", "2048", "ada@laptop"},
	"rsa3072":       {"rsa", "3072", "Åda Lövelace, Büro"},
	"rsa4096":       {"rsa", "4096", "#4, \"quoted\""},
	"ecdsa256":      {"ecdsa", "256", "ada@phone"},
	"ecdsa384":      {"ecdsa", "384", "two  blanks"},
	"ecdsa521":      {"ecdsa", "521", "日本語"},
	"dsa":           {"dsa", "1024", "ada@museum"},
	"ca-ed25519":    {"ed25519", "256", "user authority"},
	"ca-rsa":        {"rsa", "2048", "host authority"},
}

// certificatesToMake are ssh-keygen's options for each certificate.
var certificatesToMake = []struct {
	key, ca string
	options []string
}{
	{"ed25519", "ca-ed25519", []string{"-I", "ada on her laptop", "-z", "42", "-n", "ada,root", "-V", "20200102030405:20300102030405",
		"-O", "force-command=/bin/true", "-O", "source-address=192.0.2.0/24"}},
	{"rsa2048", "ca-ed25519", []string{"-I", "host key", "-h", "-n", "host.example.org", "-V", "always:forever"}},
	{"rsa4096", "ca-rsa", []string{"-I", "rsa by rsa", "-n", "ada"}},
	{"ecdsa256", "ca-rsa", []string{"-I", "ecdsa", "-z", "18446744073709551615"}},
	{"ecdsa384", "ca-ed25519", []string{"-I", "clear", "-O", "clear", "-n", "ada"}},
	{"ecdsa521", "ca-ed25519", []string{"-I", "extension", "-O", "extension:name@example.org=value"}},
	{"dsa", "ca-ed25519", []string{"-I", "dsa"}},
	{"sk-ed25519", "ca-ed25519", []string{"-I", "hardware", "-O", "no-touch-required"}},
	{"sk-ecdsa", "ca-ed25519", []string{"-I", "hardware", "-n", "ada"}},
}

var exportsToMake = map[string][]string{
	".rfc4716": {"ed25519", "rsa2048", "ecdsa256", "dsa", "sk-ed25519", "rsa4096"},
	".pkcs8":   {"rsa1024", "rsa2048", "rsa3072", "rsa4096", "ecdsa256", "ecdsa384", "ecdsa521", "dsa"},
	".pkcs1":   {"rsa1024", "rsa2048"},
}

// makeCorpus makes the keys in a directory of their own, where the private
// halves stay and are forgotten.
func makeCorpus(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	for name, k := range keysToMake {
		keygen(t, "-q", "-t", k.kind, "-b", k.bits, "-N", "", "-C", k.comment, "-f", filepath.Join(dir, name))
	}
	writeFile(t, filepath.Join(dir, "sk-ed25519.pub"), hardwareEd25519(t)+" ada@token\n")
	writeFile(t, filepath.Join(dir, "sk-ecdsa.pub"), hardwareECDSA(t)+" ada@other-token\n")
	for _, c := range certificatesToMake {
		keygen(t, slices.Concat([]string{"-q", "-s", filepath.Join(dir, c.ca)}, c.options,
			[]string{filepath.Join(dir, c.key+".pub")})...)
	}
	if err := os.MkdirAll(corpusDir, 0o755); err != nil {
		t.Fatal(err)
	}
	exportCorpus(t, dir)
	goldCorpus(t, dir)
}

func exportCorpus(t *testing.T, dir string) {
	t.Helper()
	// ssh-keygen puts the name of user and machine into the comment.
	machine := regexp.MustCompile(`converted by \S+ from`)
	for ending, names := range exportsToMake {
		for _, name := range names {
			out := keygen(t, "-e", "-m", exportForms[ending].keygenM, "-f", filepath.Join(dir, name+".pub"))
			out = machine.ReplaceAllString(out, "converted by ada@laptop from")
			writeFile(t, filepath.Join(corpusDir, name+ending), out)
		}
	}
}

func goldCorpus(t *testing.T, dir string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.pub"))
	if err != nil {
		t.Fatal(err)
	}
	var golden strings.Builder
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, ok := keygenFacts(t, path)
		if !ok {
			t.Fatalf("ssh-keygen does not read %s, which it made", path)
		}
		writeFile(t, filepath.Join(corpusDir, filepath.Base(path)), string(text))
		fmt.Fprintf(&golden, "%s\t%d\t%s\t%s\t%s\t%s\n", filepath.Base(path), f.Bits, f.MD5, f.SHA256, f.SHA512, f.Comment)
	}
	writeFile(t, filepath.Join(corpusDir, goldenFile), golden.String())
}

// hardwareEd25519 makes what ssh-keygen -t ed25519-sk would with a token
// (OpenSSH's PROTOCOL.u2f).
func hardwareEd25519(tb testing.TB) string {
	tb.Helper()
	pub, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return lineOf("sk-ssh-ed25519@openssh.com", wire("sk-ssh-ed25519@openssh.com", string(pub), "ssh:"))
}

func hardwareECDSA(tb testing.TB) string {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		tb.Fatal(err)
	}
	return lineOf("sk-ecdsa-sha2-nistp256@openssh.com",
		wire("sk-ecdsa-sha2-nistp256@openssh.com", "nistp256", string(point), "ssh:work"))
}
