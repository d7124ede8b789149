package privatekey_test

import (
	"bytes"
	"encoding/binary"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"keyrack/internal/privatekey"
)

// rounds are those of bcrypt that a key in OpenSSH's form asks for.
func rounds(text []byte) uint32 {
	block, _ := pem.Decode(text)
	if block == nil {
		return 0
	}
	_, options, found := bytes.Cut(block.Bytes, []byte("bcrypt"))
	if !found || len(options) < 4+4+16+4 { // lengths of the options and of the salt, the salt
		return 0
	}
	return binary.BigEndian.Uint32(options[4+4+16:])
}

// FuzzPublic wants that no file makes the reader panic, and that no passphrase
// gets another answer than the first time. Its seeds are keys as programs write
// them, which nobody uses.
func FuzzPublic(f *testing.F) {
	seeds, err := filepath.Glob("testdata/seeds/*")
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, path := range seeds {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, []byte(""))
		f.Add(text, []byte("seed"))
	}
	f.Fuzz(func(t *testing.T, text, secret []byte) {
		if len(text) > 64<<10 {
			t.Skip("longer than the vault takes")
		}
		if rounds(text) > 32 {
			t.Skip("takes seconds, as it may")
		}
		k, err := privatekey.Public(text, secret)
		again, errAgain := privatekey.Public(text, secret)
		if err != errAgain || err == nil && k.SHA256() != again.SHA256() { //nolint:errorlint // its errors are values
			t.Errorf("Public = %v, %v, and then %v, %v", k, err, again, errAgain)
		}
		if err != nil && len(secret) > 8 && bytes.Contains([]byte(err.Error()), secret) {
			t.Errorf("the error shows the passphrase: %v", err)
		}
	})
}
