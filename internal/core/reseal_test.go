package core_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/vault"
)

// resealAll seals everything anew, in steps of limit.
func resealAll(t *testing.T, s *core.Service, limit int) (sealed int, damaged []string, err error) {
	t.Helper()
	for _, place := range core.SealedPlaces() {
		for after := int64(0); ; {
			r, err := s.Reseal(t.Context(), operator, place, after, limit)
			if err != nil {
				return sealed, damaged, err
			}
			sealed, damaged, after = sealed+r.Sealed, append(damaged, r.Damaged...), r.Next
			if after == 0 {
				break
			}
		}
	}
	return sealed, damaged, nil
}

// rotated gives the world's vault another primary key.
func (w *world) rotated() {
	w.t.Helper()
	if _, err := w.vault.AddKey(); err != nil {
		w.t.Fatal(err)
	}
	if err := w.vault.Promote(w.clock.Now()); err != nil {
		w.t.Fatal(err)
	}
}

// underOldKeys counts what the primary key has not sealed.
func (w *world) underOldKeys() (n int) {
	w.t.Helper()
	for _, place := range core.SealedPlaces() {
		for _, s := range w.sealed(place) {
			if !w.vault.SealedByPrimary(s.Bytes) {
				n++
			}
		}
	}
	return n
}

// Everything that is sealed, of every place, is sealed anew; a failure in the
// middle, at any call to the store, is gone on from.
func TestResealGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	st := newStage(newWorld(t))
	w := st.world
	for i := range 5 {
		w.save(st.app, managedKey(fmt.Sprint("k", i), "w2016"))
	}
	w.apply(core.Desired{Applications: []core.DesiredApplication{{Name: "deploy", Authorizations: []core.DesiredAuthorization{
		{Name: "ci", Permission: core.ReadOnly, OAuth1: &core.DesiredOAuth1{}},
	}}}})
	for _, place := range core.SealedPlaces() {
		if len(w.sealed(place)) == 0 && place != core.SealedTokens { // the face that hands tokens out again seals them
			t.Errorf("nothing in %s to seal anew", place)
		}
	}
	w.rotated()
	all := w.underOldKeys()
	for broken := 1; w.underOldKeys() > 0; broken++ {
		f := &faulty{Store: w.store, broken: broken}
		_, _, err := resealAll(t, w.over(f), 2)
		if err != nil && core.KindOf(err) != core.Unavailable {
			t.Fatal(err)
		}
		if broken > 4*all+100 {
			t.Fatal("sealing anew does not come to its end")
		}
	}
	if n, damaged, err := resealAll(t, w.Service, 100); n != 0 || damaged != nil || err != nil {
		t.Errorf("sealing anew again: %d, %v, %v; want nothing to do", n, damaged, err)
	}
	for i := range 5 {
		k := must(w.ManagedKeyRef(t.Context(), operator, fmt.Sprint("k", i)))
		if got := w.reveal(st.app, k.ID); got.PrivateKey.Reveal() != "the private half" {
			t.Errorf("key %d after sealing anew: %q", i, got.PrivateKey.Reveal())
		}
	}
	counts := must(w.SealedCounts(t.Context(), operator))
	for _, c := range counts {
		if c.Count > 0 && c.Key != must(w.vault.Keys())[1].ID {
			t.Errorf("%d of %s are under key %d", c.Count, c.Place, c.Key)
		}
	}
}

// C4: reading and writing go on while keys change and everything is sealed anew.
func TestResealUnderLoad(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		own, _ := vaultWorld(w)
		var ids []core.ManagedKeyID
		for i := range 10 {
			ids = append(ids, w.save(own, managedKey(fmt.Sprint("k", i), "web-01")).ID)
		}
		done := make(chan struct{})
		var group sync.WaitGroup
		for worker := range 3 {
			group.Go(func() { w.useVault(own, ids, worker, done) })
		}
		for range 3 {
			w.rotated()
			if _, damaged, err := resealAll(t, w.Service, 3); err != nil || damaged != nil {
				t.Errorf("Reseal: %v, damaged %v", err, damaged)
			}
		}
		close(done)
		group.Wait()
		_, _, _ = resealAll(t, w.Service, 100)
		if n := w.underOldKeys(); n != 0 {
			t.Errorf("%d secrets are under old keys", n)
		}
		gone, err := w.vault.Drop(w.clock.Now().Add(time.Hour), func(uint32) bool { return false })
		if err != nil || len(gone) != 3 {
			t.Errorf("Drop = %v, %v, want three keys", gone, err)
		}
		for _, id := range ids {
			w.reveal(own, id)
		}
	})
}

// useVault reads and writes keys until done.
func (w *world) useVault(by core.Actor, ids []core.ManagedKeyID, worker int, done <-chan struct{}) {
	for n := 0; ; n++ {
		select {
		case <-done:
			return
		default:
		}
		if _, err := w.RevealManagedKey(w.t.Context(), by, ids[(n+worker)%len(ids)], 0); err != nil {
			w.t.Errorf("RevealManagedKey under load: %v", err)
			return
		}
		change := core.ManagedKeyChange{Identifier: fmt.Sprint("k", n%len(ids)), PrivateKey: core.To(vault.NewSecret(fmt.Sprint(worker, n)))}
		if _, err := w.SaveManagedKey(w.t.Context(), by, change); err != nil {
			w.t.Errorf("SaveManagedKey under load: %v", err)
			return
		}
	}
}

func TestResealLeavesDamageAndTellsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own, _ := vaultWorld(w)
	w.save(own, managedKey("a", "web-01"))
	b := w.save(own, managedKey("b", "web-01"))
	w.replaceSealed(1, []byte("rubbish"))
	w.rotated()
	n, damaged, err := resealAll(t, w.Service, 10)
	if n != 3 || len(damaged) != 1 || err != nil {
		t.Errorf("Reseal = %d, %v, %v; want three, and one damaged", n, damaged, err)
	}
	w.reveal(own, b.ID)
	if _, err := w.over(w.store).Reseal(t.Context(), own, core.SealedPrivateKeys, 0, 10); core.KindOf(err) != core.Denied || errors.Is(err, core.ErrNoReach) {
		t.Errorf("Reseal by an application: %v, want Denied", err)
	}
}
