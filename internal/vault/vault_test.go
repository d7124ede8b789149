package vault_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"keyrack/internal/vault"

	"pgregory.net/rapid"
)

var record = vault.Record{Kind: "application.oauth1.secret", ID: "0197a1c2-7c3e-7d11-8f10-5b7c8f2f9a01", Field: "token_secret", Version: 3}

func options(dir string) vault.Options {
	return vault.Options{MasterKeyFile: filepath.Join(dir, "master.key"), KeysetFile: filepath.Join(dir, "keyset.json")}
}

func create(tb testing.TB) (*vault.Vault, vault.Options) {
	tb.Helper()
	o := options(tb.TempDir())
	v, err := vault.Create(o)
	if err != nil {
		tb.Fatalf("Create(%+v) = %v, want a vault", o, err)
	}
	return v, o
}

func seal(tb testing.TB, v *vault.Vault, plain []byte, r vault.Record) []byte {
	tb.Helper()
	sealed, err := v.Seal(plain, r)
	if err != nil {
		tb.Fatalf("Seal(%v) = %v, want no error", r, err)
	}
	return sealed
}

func mustOpen(tb testing.TB, o vault.Options) *vault.Vault {
	tb.Helper()
	v, err := vault.Open(o)
	if err != nil {
		tb.Fatalf("Open(%+v) = %v, want a vault", o, err)
	}
	return v
}

func wantUnseal(tb testing.TB, v *vault.Vault, sealed []byte, r vault.Record, want []byte) {
	tb.Helper()
	got, err := v.Unseal(sealed, r)
	if err != nil || !bytes.Equal(got, want) {
		tb.Errorf("Unseal(%v) = %q, %v, want %q", r, got, err, want)
	}
}

func wantTampered(tb testing.TB, v *vault.Vault, sealed []byte, r vault.Record, attack string) {
	tb.Helper()
	got, err := v.Unseal(sealed, r)
	if !errors.Is(err, vault.ErrTampered) || got != nil {
		tb.Errorf("%s: Unseal = %q, %v, want ErrTampered", attack, got, err)
	}
}

func TestSealedOpensAfterRestart(t *testing.T) {
	t.Parallel()
	v, o := create(t)
	for _, plain := range [][]byte{{}, {0}, []byte("s3cr3t"), bytes.Repeat([]byte("0123456789abcdef"), 1<<16)} {
		sealed := seal(t, v, plain, record)
		wantUnseal(t, v, sealed, record, plain)
		wantUnseal(t, mustOpen(t, o), sealed, record, plain)
	}
}

func TestSealIsNeverTheSameTwice(t *testing.T) {
	t.Parallel()
	v, _ := create(t)
	seen := make(map[string]bool)
	for range 10_000 {
		seen[string(seal(t, v, []byte("s3cr3t"), record))] = true
	}
	if len(seen) != 10_000 {
		t.Errorf("10000 seals of one secret gave %d ciphertexts, want all different", len(seen))
	}
}

func TestSealRefusesRecordThatBindsNothing(t *testing.T) {
	t.Parallel()
	v, _ := create(t)
	for _, r := range []vault.Record{{}, {Kind: record.Kind}, {ID: record.ID}} {
		if sealed, err := v.Seal([]byte("s3cr3t"), r); err == nil || sealed != nil {
			t.Errorf("Seal(%v) = %x, %v, want an error", r, sealed, err)
		}
	}
}

func TestUnsealRefusesOtherRecord(t *testing.T) {
	t.Parallel()
	v, _ := create(t)
	sealed := seal(t, v, []byte("s3cr3t"), record)
	attacks := map[string]func(*vault.Record){
		"secret passed off as another kind":   func(r *vault.Record) { r.Kind = "webhook.secret" },
		"row swapped with another object's":   func(r *vault.Record) { r.ID = "0197a1c2-7c3e-7d11-8f10-5b7c8f2f9a02" },
		"column swapped within the row":       func(r *vault.Record) { r.Field = "consumer_secret" },
		"row rolled back":                     func(r *vault.Record) { r.Version++ },
		"version with the sign turned":        func(r *vault.Record) { r.Version = -r.Version },
		"kind emptied":                        func(r *vault.Record) { r.Kind = "" },
		"object emptied":                      func(r *vault.Record) { r.ID = "" },
		"field emptied":                       func(r *vault.Record) { r.Field = "" },
		"version taken for part of the field": func(r *vault.Record) { r.Field, r.Version = "token_secret3", 0 },
		"all emptied":                         func(r *vault.Record) { *r = vault.Record{} },
	}
	for attack, change := range attacks {
		other := record
		change(&other)
		wantTampered(t, v, sealed, other, attack)
	}
	wantUnseal(t, v, sealed, record, []byte("s3cr3t"))
}

// Records drawn from few letters often concatenate to the same text.
func TestUnsealTellsRecordsApartWhereFieldsMeet(t *testing.T) {
	t.Parallel()
	v, _ := create(t)
	part := rapid.StringMatching(`[a1]{1,3}`)
	draw := rapid.Custom(func(t *rapid.T) vault.Record {
		return vault.Record{Kind: part.Draw(t, "kind"), ID: part.Draw(t, "id"), Field: part.Draw(t, "field"), Version: rapid.Int64Range(0, 11).Draw(t, "version")}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw.Draw(t, "a"), draw.Draw(t, "b")
		sealed, err := v.Seal([]byte("s3cr3t"), a)
		if err != nil {
			t.Fatalf("Seal(%v) = %v, want no error", a, err)
		}
		if _, err := v.Unseal(sealed, b); (err == nil) != (a == b) {
			t.Errorf("sealed for %v, Unseal(%v) = %v", a, b, err)
		}
	})
	sealed := seal(t, v, []byte("s3cr3t"), vault.Record{Kind: "ab", ID: "c", Field: "d"})
	wantTampered(t, v, sealed, vault.Record{Kind: "a", ID: "bc", Field: "d"}, "border between kind and id moved")
	wantTampered(t, v, sealed, vault.Record{Kind: "ab", ID: "cd"}, "border between id and field moved")
	wantTampered(t, v, sealed, vault.Record{Kind: "ab\x00", ID: "c", Field: "d"}, "zero byte appended")
}

func TestUnsealRefusesChangedCiphertext(t *testing.T) {
	t.Parallel()
	v, _ := create(t)
	sealed := seal(t, v, []byte("correct horse battery staple"), record)
	for i := range sealed {
		for bit := range 8 {
			changed := bytes.Clone(sealed)
			changed[i] ^= 1 << bit
			wantTampered(t, v, changed, record, fmt.Sprintf("byte %d, bit %d flipped", i, bit))
		}
		wantTampered(t, v, sealed[:i], record, fmt.Sprintf("cut to %d bytes", i))
	}
	wantTampered(t, v, append(bytes.Clone(sealed), 0), record, "a byte appended")
	wantTampered(t, v, append(bytes.Clone(sealed), sealed...), record, "doubled")
	wantUnseal(t, v, sealed, record, []byte("correct horse battery staple"))
}

func TestUnsealRefusesOtherVaults(t *testing.T) {
	t.Parallel()
	v, _ := create(t)
	other, _ := create(t)
	wantTampered(t, v, seal(t, other, []byte("s3cr3t"), record), record, "sealed by another vault")
}

func TestVaultServesManyAtOnce(t *testing.T) {
	t.Parallel()
	v, _ := create(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			r := record
			r.Version = int64(i)
			plain := fmt.Appendf(nil, "secret %d", i)
			for range 50 {
				sealed, err := v.Seal(plain, r)
				if err != nil {
					t.Errorf("Seal(%v) = %v, want no error", r, err)
					return
				}
				wantUnseal(t, v, sealed, r, plain)
			}
		})
	}
	wg.Wait()
}

func BenchmarkSealUnseal3KB(b *testing.B) {
	v, _ := create(b)
	plain := bytes.Repeat([]byte{0x5a}, 3<<10)
	b.SetBytes(int64(len(plain)))
	b.ReportAllocs()
	for b.Loop() {
		sealed, err := v.Seal(plain, record)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := v.Unseal(sealed, record); err != nil {
			b.Fatal(err)
		}
	}
}
