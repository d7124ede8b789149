package core_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/vault"
)

func TestPolicySetsTheExpiry(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		own, _ := vaultWorld(w)
		key := w.save(own, managedKey("web", "web-01"))
		if got := w.reveal(own, key.ID); !got.ExpiresAt.IsZero() {
			t.Errorf("without a policy the key expires at %v", got.ExpiresAt)
		}
		w.apply(core.Desired{Policies: []core.Policy{
			{Name: "all", ViewTime: 8 * time.Hour},
			{Name: "servers", Priority: 5, ViewTime: time.Hour, MaxAge: 90 * time.Minute, Hostnames: []string{"WEB-*"}, Types: []string{"Server"}, Tags: []string{"prod"}},
			{Name: "off", Priority: 9, ViewTime: time.Second, Disabled: true}, {Name: "elsewhere", Priority: 9, ViewTime: time.Second, Sites: []string{"GCP"}},
		}})
		now := core.Moment(w.clock.Now())
		if got := w.reveal(own, key.ID); !got.ExpiresAt.Equal(now.Add(time.Hour)) || !got.ViewedAt.Equal(now) {
			t.Errorf("expiry = %v, viewed at %v; want an hour from %v", got.ExpiresAt, got.ViewedAt, now)
		}
		w.clock.advance(time.Hour)
		if got := w.reveal(own, key.ID); !got.ExpiresAt.Equal(now.Add(90 * time.Minute)) {
			t.Errorf("expiry = %v, want the maximum age", got.ExpiresAt)
		}
		w.apply(core.Desired{Policies: []core.Policy{{Name: "servers", Disabled: true}}})
		if got := w.reveal(own, key.ID); !got.ExpiresAt.Equal(core.Moment(w.clock.Now()).Add(8 * time.Hour)) {
			t.Errorf("expiry = %v, want that of the policy for all", got.ExpiresAt)
		}
	})
}

func TestCustody(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		own, _ := vaultWorld(w)
		ctx, key := t.Context(), w.save(own, managedKey("web", "web-01"))
		second := w.application("deploy", reading)
		if err := w.ReleaseCustody(ctx, own, key.ID, ""); !errors.Is(err, core.ErrNotHeld) {
			t.Errorf("releasing what nobody has read: %v, want ErrNotHeld", err)
		}
		w.reveal(own, key.ID)
		w.reveal(second, key.ID)
		if held := must(w.Custodies(ctx, operator, key.ID)); len(held) != 2 || !held[0].Until.IsZero() {
			t.Errorf("custodies = %+v, want two without end", held)
		}
		w.apply(core.Desired{Policies: []core.Policy{{Name: "one", ViewTime: time.Hour, Exclusive: true}}})
		if _, err := w.RevealManagedKey(ctx, own, key.ID, 0); !errors.Is(err, core.ErrKeyHeld) {
			t.Errorf("a second reader: %v, want ErrKeyHeld", err)
		}
		if err := w.ReleaseCustody(ctx, second, key.ID, ""); err != nil {
			t.Errorf("ReleaseCustody by one that reads: %v", err)
		}
		w.reveal(own, key.ID)
		if _, err := w.RevealManagedKey(ctx, second, key.ID, 0); !errors.Is(err, core.ErrKeyHeld) {
			t.Errorf("the other reader: %v, want ErrKeyHeld", err)
		}
		w.clock.advance(time.Hour)
		if err := w.ReleaseCustody(ctx, own, key.ID, ""); !errors.Is(err, core.ErrNotHeld) {
			t.Errorf("releasing what has expired: %v, want ErrNotHeld", err)
		}
		w.reveal(second, key.ID)
		holder := must(w.Custodies(ctx, operator, key.ID))[0].Holder
		if err := w.ReleaseCustody(ctx, own, key.ID, holder); core.KindOf(err) != core.Denied {
			t.Errorf("releasing for another: %v, want Denied", err)
		}
		if err := w.ReleaseCustody(ctx, operator, key.ID, holder); err != nil {
			t.Errorf("releasing for another by the operator: %v", err)
		}
	})
}

// Every reading is in the record, and every one that was refused.
func TestReadingsAreRecorded(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		own, other := vaultWorld(w)
		ctx, key := t.Context(), w.save(own, managedKey("web", "web-01"))
		w.reveal(own, key.ID)
		_, _ = w.RevealManagedKey(ctx, other, key.ID, 0)
		_, _ = w.RevealManagedKey(ctx, own, key.ID+7, 0)
		_, _ = w.RevealManagedKey(ctx, own, key.ID, 9)
		_, _ = w.RevealManagedKey(ctx, core.Actor{}, key.ID, 0)
		want := []struct {
			outcome core.Outcome
			detail  string
		}{
			{core.Done, "version 1"}, {core.Refused, core.ErrNoReach.Msg}, {core.Refused, core.ErrNoManagedKey.Msg},
			{core.Refused, "not found"}, {core.Refused, "not allowed"},
		}
		got := w.events("managedkey.reveal")
		if len(got) != len(want) {
			t.Fatalf("events = %+v, want %d", got, len(want))
		}
		for i, e := range got {
			if e.Outcome != want[i].outcome || e.Detail != want[i].detail {
				t.Errorf("event %d = %s, %q; want %s, %q", i, e.Outcome, e.Detail, want[i].outcome, want[i].detail)
			}
		}
		if e := got[0]; e.ActorKind != core.ActorApplication || e.ActorName != "deploy/ci" || e.Face != "senhasegura" || e.Address != sshFrom.Address {
			t.Errorf("event = %+v, want the application with its door and address", e)
		}
	})
}

// brokenAudit is a store that cannot write the audit record, or cannot make it
// durable.
type brokenAudit struct {
	core.Store
	commit bool // fails at the end, not at the event
}

type brokenAuditTx struct{ core.Tx }

func (brokenAuditTx) InsertAuditEvents(...core.AuditEvent) error { return errFault }

func (s brokenAudit) UpdateLocked(ctx context.Context, fn func(core.Tx) error) error {
	return s.Store.UpdateLocked(ctx, func(tx core.Tx) error {
		if !s.commit {
			return fn(brokenAuditTx{tx})
		}
		if err := fn(tx); err != nil {
			return err
		}
		return errFault
	})
}

// F17: what cannot be recorded does not leave.
func TestNoSecretWithoutARecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own, _ := vaultWorld(w)
	key := w.save(own, managedKey("web", "web-01"))
	before := w.dump()
	for _, commit := range []bool{false, true} {
		s := w.over(brokenAudit{w.store, commit})
		for name, by := range map[string]core.Actor{"who may": own, "who may not": {}} {
			got, err := s.RevealManagedKey(t.Context(), by, key.ID, 0)
			if core.KindOf(err) != core.Unavailable || !got.PrivateKey.IsZero() || !got.Passphrase.IsZero() || got.PublicKey != "" {
				t.Errorf("RevealManagedKey by %s, commit=%v: %+v, %v; want nothing, and that the store is unavailable", name, commit, got, err)
			}
		}
	}
	w.unchanged("a reading that could not be recorded", before)
}

// C3: a ciphertext of another version, field or key does not open, and the
// others still do.
func TestMovedCiphertextsDoNotOpen(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		own, _ := vaultWorld(w)
		a, b := w.save(own, managedKey("a", "web-01")), w.save(own, managedKey("b", "web-01"))
		w.save(own, core.ManagedKeyChange{Identifier: "a", PrivateKey: core.To(vault.NewSecret("second"))})
		private, passphrases := w.sealed(core.SealedPrivateKeys), w.sealed(core.SealedPassphrases)
		// Rows: 1 a's first, 2 b's first, 3 a's second.
		for name, put := range map[string][]byte{
			"another key's": private[1].Bytes, "an older version's": private[0].Bytes, "another field's": passphrases[2].Bytes,
			"cut off": private[2].Bytes[:20], "none": {}, "a flipped bit": flipped(private[2].Bytes),
		} {
			w.replaceSealed(private[2].Row, put)
			got, err := w.RevealManagedKey(t.Context(), own, a.ID, 0)
			if !errors.Is(err, vault.ErrTampered) || core.KindOf(err) != core.Internal || !got.PrivateKey.IsZero() {
				t.Errorf("%s: RevealManagedKey = %q, %v; want ErrTampered", name, got.PrivateKey.Reveal(), err)
			}
			events := w.events("managedkey.reveal")
			if e := events[len(events)-1]; e.Outcome != core.Refused || e.Detail != "the sealed secret does not open" {
				t.Errorf("%s: event %+v", name, e)
			}
		}
		w.reveal(own, b.ID)
		w.replaceSealed(private[2].Row, private[2].Bytes)
		w.reveal(own, a.ID)
	})
}

func flipped(b []byte) []byte {
	out := append([]byte(nil), b...)
	out[len(out)-1] ^= 1
	return out
}

func (w *world) sealed(place core.SealedPlace) (all []core.Sealed) {
	w.t.Helper()
	err := w.store.View(w.t.Context(), func(tx core.Tx) (err error) {
		all, err = tx.SealedSecrets(place, 0, 1000)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

func (w *world) replaceSealed(row int64, with []byte) {
	w.t.Helper()
	err := w.store.Update(w.t.Context(), func(tx core.Tx) error { return tx.ReplaceSealed(core.SealedPrivateKeys, row, with) })
	if err != nil {
		w.t.Fatal(err)
	}
}

// keyPair is a pair of ssh-keygen's.
func keyPair(t *testing.T, passphrase string) (public, private string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	command := exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-a", "1", "-N", passphrase, "-f", path)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v: %s", err, out)
	}
	read := func(path string) string { return string(must(os.ReadFile(path))) }
	return read(path + ".pub"), read(path)
}

func TestStrictKeysBelongTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own, _ := vaultWorld(w)
	public, private := keyPair(t, "")
	other, locked := keyPair(t, "hush-hush")
	strict := func(public, private, passphrase string) core.ManagedKeyChange {
		in := managedKey("web", "web-01")
		in.Strict, in.PublicKey, in.PrivateKey = true, core.To(public), core.To(vault.NewSecret(private))
		in.Passphrase = core.To(vault.NewSecret(passphrase))
		return in
	}
	for name, tt := range map[string]struct {
		in   core.ManagedKeyChange
		want string
	}{
		"no private key":     {strict(public, "private-key", ""), "private_key: is not a private key"},
		"no public key":      {strict("public-key", private, ""), "public_key: "},
		"of another":         {strict(other, private, ""), "public_key: is not that of the private key, which is SHA256:"},
		"no passphrase":      {strict(other, locked, ""), "passphrase: the private key is encrypted"},
		"another passphrase": {strict(other, locked, "hush"), "passphrase: the private key does not open"},
	} {
		_, err := w.SaveManagedKey(t.Context(), own, tt.in)
		if core.KindOf(err) != core.Invalid || !strings.HasPrefix(fieldsOf(err)[0], tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	w.save(own, strict(public, private, ""))
	w.save(own, strict(other, locked, "hush-hush"))
	// What is not given is what is there.
	half := core.ManagedKeyChange{Identifier: "web", Strict: true, Passphrase: core.To(vault.NewSecret("hush"))}
	if _, err := w.SaveManagedKey(t.Context(), own, half); core.KindOf(err) != core.Invalid {
		t.Errorf("a wrong passphrase for the key that is there: %v, want Invalid", err)
	}
	w.save(own, core.ManagedKeyChange{Identifier: "web", Strict: true, Name: core.To("renamed")})
}
