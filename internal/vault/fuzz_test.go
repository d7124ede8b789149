package vault_test

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"

	"keyrack/internal/vault"
)

// needSeeds fails a fuzz target whose committed seeds have gone, which else
// would pass by trying nothing.
func needSeeds(f *testing.F) {
	f.Helper()
	if seeds, err := os.ReadDir(filepath.Join("testdata", "fuzz", f.Name())); err != nil || len(seeds) == 0 {
		f.Fatalf("seeds of %s: %d, %v, want some", f.Name(), len(seeds), err)
	}
}

// FuzzUnseal takes the input for a ciphertext, for a plaintext, and for a
// change to that one's ciphertext.
func FuzzUnseal(f *testing.F) {
	needSeeds(f)
	v, _ := create(f)
	f.Fuzz(func(t *testing.T, input []byte, kind, id, field string, version int64) {
		r := vault.Record{Kind: kind, ID: id, Field: field, Version: version}
		wantTampered(t, v, input, r, "garbage")
		sealed, err := v.Seal(input, r)
		if kind == "" || id == "" {
			if err == nil {
				t.Fatalf("Seal(%v) = %x, want an error", r, sealed)
			}
			return
		}
		if err != nil {
			t.Fatalf("Seal(%v) = %v, want no error", r, err)
		}
		wantUnseal(t, v, sealed, r, input)
		if changed := xor(sealed, input); !bytes.Equal(changed, sealed) {
			wantTampered(t, v, changed, r, "changed")
		}
	})
}

func xor(text, change []byte) []byte {
	changed := bytes.Clone(text)
	for i := range min(len(changed), len(change)) {
		changed[i] ^= change[i]
	}
	return changed
}

// FuzzOpenKeyset takes the input for a key set file.
func FuzzOpenKeyset(f *testing.F) {
	needSeeds(f)
	v, o := create(f)
	sealed := seal(f, v, []byte("s3cr3t"), record)
	good := read(f, o.KeysetFile)
	f.Add(good)
	f.Fuzz(func(t *testing.T, input []byte) {
		wantSameOrRefused(t, o, input, v.ID(), sealed)
		wantSameOrRefused(t, o, xor(good, input), v.ID(), sealed)
	})
}

// The files and the ciphertext were made by the first release; every later one
// must open them. They are never made anew: a failure here is a vault in the
// field that no longer opens.
func TestOpensFirstFormat(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	fixture := filepath.Join("testdata", "format1")
	write(t, o.MasterKeyFile, read(t, filepath.Join(fixture, "master.key")), 0o600)
	write(t, o.KeysetFile, read(t, filepath.Join(fixture, "keyset.json")), 0o600)
	sealed, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(read(t, filepath.Join(fixture, "sealed.b64")))))
	if err != nil {
		t.Fatal(err)
	}
	wantUnseal(t, mustOpen(t, o), sealed, record, []byte("kept since format 1"))
}
