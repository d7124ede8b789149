package core_test

import (
	"fmt"
	"testing"

	"keyrack/internal/core"
	"keyrack/internal/store/storetest"
)

func TestImportKeys(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		ada := w.account(core.NewAccount{Login: "ada"})
		keys := []core.ImportedKey{
			{Owner: "ada", Name: "ada@laptop", Text: testKey(t, 1).String()},
			{Owner: "ada", Name: "again", Text: testKey(t, 1).String()},
			{Owner: "ada", Name: "broken", Text: "ssh-ed25519 AAAA"},
			{Owner: "bob", Name: "bob@host", Text: testKey(t, 1).String()},
			{Owner: "not a login", Name: "x", Text: testKey(t, 2).String()},
		}
		done, err := w.ImportKeys(t.Context(), operator, keys, false)
		if err != nil || done.Added != 1 || done.Present != 1 || len(done.Refused) != 3 {
			t.Errorf("ImportKeys() = %+v, %v; want 1 added, 1 present, 3 refused", done, err)
		}
		done, err = w.ImportKeys(t.Context(), operator, keys, true)
		if err != nil || done.Added != 1 || done.Present != 2 || len(done.Refused) != 2 {
			t.Errorf("ImportKeys() that makes owners = %+v, %v; want 1 added, 2 present, 2 refused", done, err)
		}
		if got := w.keysOf(ada); len(got) != 1 || len(w.detail(got[0]).Revisions) != 1 || len(w.detail(got[0]).Evidence) != 1 {
			t.Errorf("keys of ada = %+v, want one with its history", got)
		}
		if n := len(w.events("key.add")); n != 2 {
			t.Errorf("%d audit events, want 2", n)
		}
	})
}

// BenchmarkImportKeys imports 1000 keys at a time, ten to an owner that is made.
func BenchmarkImportKeys(b *testing.B) {
	w := newWorld(b)
	next := 0
	for b.Loop() {
		keys := make([]core.ImportedKey, 1000)
		for i := range keys {
			keys[i] = core.ImportedKey{Owner: fmt.Sprintf("u%d", next/10), Name: fmt.Sprint(next), Text: storetest.NewPublicKey(b).String()}
			next++
		}
		if done, err := w.ImportKeys(b.Context(), operator, keys, true); err != nil || done.Added != len(keys) {
			b.Fatal(done, err)
		}
	}
	b.ReportMetric(float64(next)/b.Elapsed().Seconds(), "keys/s")
}
