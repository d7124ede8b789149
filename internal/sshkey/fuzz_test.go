package sshkey_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"keyrack/internal/sshkey"
)

// FuzzParse holds Parse to: what is accepted reads again from its normalised
// text as the same key, and nothing around it is dangerous to show; what is
// refused has a cause, and an error that does not repeat the input.
func FuzzParse(f *testing.F) {
	needSeeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		line, err := sshkey.Parse(text)
		if err != nil {
			checkError(t, text, err)
			if !line.Key.IsZero() {
				t.Errorf("Parse(%q) = %v and %v, want no key beside the error", text, line.Key, err)
			}
			return
		}
		checkKey(t, line.Key)
		checkShowable(t, "comment", line.Comment)
		for _, option := range line.Options {
			checkShowable(t, "option", option)
		}
		if again := mustParse(t, strings.Join(line.Options, ",")+" "+line.Key.String()+" "+line.Comment); !again.Key.Equal(line.Key) ||
			again.Comment != line.Comment || !slices.Equal(again.Options, line.Options) {
			t.Errorf("Parse(%q) = %+v, written again %+v", text, line, again)
		}
		if c := line.Certificate; c != nil {
			checkShowable(t, "key ID", c.KeyID)
		}
	})
}

// FuzzFromWire holds FromWire to the same, and to x/crypto/ssh: a known type
// is accepted only if it accepts it, and refused only for a listed reason.
func FuzzFromWire(f *testing.F) {
	needSeeds(f)
	f.Fuzz(func(t *testing.T, blob []byte) {
		key, err := sshkey.FromWire(blob)
		checkStored(t, blob, key)
		theirs, theirErr := ssh.ParsePublicKey(blob)
		if err != nil {
			checkError(t, string(blob), err)
			checkStricter(t, blob, err, theirErr)
			return
		}
		checkKey(t, key)
		known := slices.Contains(sshkey.KnownTypes(), key.Algorithm())
		if known && theirErr != nil {
			t.Fatalf("FromWire(%q) = %v, want an error as x/crypto/ssh: %v", blob, key, theirErr)
		}
		if cert, ok := theirs.(*ssh.Certificate); ok {
			theirs = cert.Key
		} else if string(key.Blob()) != string(blob) {
			t.Errorf("FromWire(%q).Blob() = %q, want the same", blob, key.Blob())
		}
		if known && (key.Algorithm() != theirs.Type() || key.SHA256().String() != ssh.FingerprintSHA256(theirs)) {
			t.Errorf("FromWire(%q) = %v, x/crypto/ssh reads %v", blob, key, theirs)
		}
	})
}

// checkStored fails if a key that was accepted is not read again, or one that is
// read again, from a database that may be damaged, has accessors that panic.
func checkStored(t *testing.T, blob []byte, key sshkey.PublicKey) {
	t.Helper()
	if again, err := sshkey.Stored(key.Blob()); !key.IsZero() && (err != nil || again != key) {
		t.Errorf("Stored(%q) = %v, %v; want the key that FromWire accepted", key.Blob(), again, err)
	}
	if damaged, err := sshkey.Stored(blob); err == nil {
		_ = damaged.String() + damaged.Algorithm()
		_, _ = damaged.Bits()+damaged.Length(), sshkey.CheckStrength(damaged)
		_, _ = damaged.PEM()
	}
}

// checkStricter fails if a blob was refused that x/crypto/ssh reads, and not
// for a reason why this package is stricter.
func checkStricter(t *testing.T, blob []byte, err, theirErr error) {
	t.Helper()
	reasons := []sshkey.Code{
		sshkey.CodeNumber, sshkey.CodeModulus, // not looked at by x/crypto/ssh
		sshkey.CodeMalformed,   // NUL in an application
		sshkey.CodeCertificate, // signature, texts, order of options
		sshkey.CodeTooLong,
	}
	if e, ok := errors.AsType[*sshkey.Error](err); theirErr == nil && (!ok || !slices.Contains(reasons, e.Code)) {
		t.Errorf("FromWire(%q) = %v, x/crypto/ssh reads it", blob, err)
	}
}

// FuzzParseFingerprint holds that each fingerprint has one canonical text, and
// that a text read is one of the spellings of what it was read as.
func FuzzParseFingerprint(f *testing.F) {
	needSeeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		fp, err := sshkey.ParseFingerprint(text)
		if err != nil {
			checkError(t, text, err)
			return
		}
		again, err := sshkey.ParseFingerprint(fp.String())
		if err != nil || !again.Equal(fp) {
			t.Errorf("ParseFingerprint(%q) = %v, and of that %v, %v", text, fp, again, err)
		}
		bare := strings.TrimPrefix(fp.String(), fp.Hash.String()+":")
		spelling := strings.TrimRight(strings.TrimPrefix(text, fp.Hash.String()+":"), "=")
		if spelling != bare && (fp.Hash != sshkey.HashMD5 || !strings.EqualFold(spelling, bare)) {
			t.Errorf("ParseFingerprint(%q) = %v, which is not spelt so", text, fp)
		}
	})
}

// needSeeds fails a fuzz target whose committed seeds are gone: without them
// it would pass having tried nothing.
func needSeeds(f *testing.F) {
	f.Helper()
	seeds, err := os.ReadDir(filepath.Join("testdata/fuzz", f.Name()))
	if err != nil || len(seeds) < 10 {
		f.Fatalf("%d seeds for %s: %v; go test -run TestCorpusGolden . -update makes them", len(seeds), f.Name(), err)
	}
}
