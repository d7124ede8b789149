package vault_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tink-crypto/tink-go/v2/core/registry"
	"github.com/tink-crypto/tink-go/v2/testing/fakekms"

	"keyrack/internal/vault"
)

func open(t *testing.T, o vault.Options) *vault.Vault {
	t.Helper()
	v, err := vault.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func wantOpens(t *testing.T, what string, v *vault.Vault, sealed []byte) {
	t.Helper()
	if plain, err := v.Unseal(sealed, record); err != nil || string(plain) != "s3cr3t" {
		t.Errorf("%s: Unseal = %q, %v, want s3cr3t", what, plain, err)
	}
}

func addKey(t *testing.T, v *vault.Vault) uint32 {
	t.Helper()
	id, err := v.AddKey()
	if err != nil || id == 0 {
		t.Fatalf("AddKey = %d, %v", id, err)
	}
	return id
}

// The steps of a rotation, each beside a server that runs and one that starts.
func TestRotation(t *testing.T) {
	t.Parallel()
	running, o := create(t)
	old := seal(t, running, []byte("s3cr3t"), record)
	operator := open(t, o)
	id := addKey(t, operator)
	if again := addKey(t, operator); again != id {
		t.Errorf("AddKey again = %d, want the key %d that waits", again, id)
	}
	if sealed := seal(t, running, []byte("s3cr3t"), record); vault.KeyOf(sealed) != vault.KeyOf(old) {
		t.Errorf("a key that was only added seals already")
	}
	now := time.Now()
	for range 2 { // the second changes nothing
		if err := operator.Promote(now); err != nil {
			t.Fatal(err)
		}
	}
	anew := seal(t, running, []byte("s3cr3t"), record)
	if vault.KeyOf(anew) != id || !running.SealedByPrimary(anew) || running.SealedByPrimary(old) {
		t.Errorf("after Promote the running vault seals with %d, want %d", vault.KeyOf(anew), id)
	}
	for what, v := range map[string]*vault.Vault{"running": running, "operator": operator, "starting": open(t, o)} {
		wantOpens(t, what+", old", v, old)
		wantOpens(t, what+", new", v, anew)
	}
	if _, err := operator.Drop(now, func(uint32) bool { return false }); !errors.Is(err, vault.ErrNotYet) {
		t.Errorf("Drop at once: %v, want ErrNotYet", err)
	}
	later := now.Add(2 * time.Minute)
	if gone, err := operator.Drop(later, func(key uint32) bool { return key == vault.KeyOf(old) }); err != nil || gone != nil {
		t.Errorf("Drop of a key in use = %v, %v, want none", gone, err)
	}
	wantOpens(t, "kept", running, old)
	if gone, err := operator.Drop(later, func(uint32) bool { return false }); err != nil || !slices.Equal(gone, []uint32{vault.KeyOf(old)}) {
		t.Errorf("Drop = %v, %v, want %d", gone, err, vault.KeyOf(old))
	}
	wantOpens(t, "after Drop", open(t, o), anew)
	if _, err := open(t, o).Unseal(old, record); !errors.Is(err, vault.ErrTampered) {
		t.Errorf("Unseal of what a dropped key sealed: %v, want ErrTampered", err)
	}
}

// While keys are added and promoted nothing fails to seal or to open.
func TestRotationUnderLoad(t *testing.T) {
	t.Parallel()
	running, o := create(t)
	done := make(chan struct{})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for {
				wantOpens(t, "under load", running, seal(t, running, []byte("s3cr3t"), record))
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	operator := open(t, o)
	for range 20 {
		addKey(t, operator)
		if err := operator.Promote(time.Now()); err != nil {
			t.Error(err)
		}
	}
	close(done)
	group.Wait()
	if keys, err := running.Keys(); err != nil || len(keys) != 21 || !keys[20].Primary {
		t.Errorf("Keys = %v, %v, want 21, the last of them primary", keys, err)
	}
}

func TestTwoDoNotRotateAtOnce(t *testing.T) {
	t.Parallel()
	v, _ := create(t)
	// The lock is held in the callback of Drop.
	_, err := v.Drop(time.Now(), func(uint32) bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	addKey(t, v)
	if err := v.Promote(time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	_, err = v.Drop(time.Now(), func(uint32) bool {
		if _, err := v.AddKey(); !errors.Is(err, vault.ErrBusy) {
			t.Errorf("AddKey within a change: %v, want ErrBusy", err)
		}
		return true
	})
	if err != nil {
		t.Error(err)
	}
}

// What would be sealed without the file could be lost with it.
func TestSealNeedsTheKeysetFile(t *testing.T) {
	t.Parallel()
	v, o := create(t)
	sealed := seal(t, v, []byte("s3cr3t"), record)
	if err := os.Remove(o.KeysetFile); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Seal([]byte("x"), record); !errors.Is(err, vault.ErrKeysetMissing) {
		t.Errorf("Seal without the key set file: %v, want ErrKeysetMissing", err)
	}
	wantOpens(t, "without the file", v, sealed)
}

func TestForeignKeysetIsNotTaken(t *testing.T) {
	t.Parallel()
	v, o := create(t)
	_, other := create(t)
	if err := os.Rename(other.KeysetFile, o.KeysetFile); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Seal([]byte("x"), record); !errors.Is(err, vault.ErrKeysetDamaged) {
		t.Errorf("Seal with another vault's key set: %v, want ErrKeysetDamaged", err)
	}
}

// A new master key takes the place of the old one, which then opens nothing.
func TestRewrapInPlace(t *testing.T) {
	t.Parallel()
	running, o := create(t)
	sealed, old := seal(t, running, []byte("s3cr3t"), record), read(t, o.MasterKeyFile)
	if err := open(t, o).Rewrap(o); err != nil {
		t.Fatal(err)
	}
	if string(read(t, o.MasterKeyFile)) == string(old) {
		t.Error("the master key is the old one")
	}
	wantOpens(t, "running", running, sealed)
	wantOpens(t, "running, sealed since", running, seal(t, running, []byte("s3cr3t"), record))
	wantOpens(t, "starting", open(t, o), sealed)
	if _, err := os.Stat(o.MasterKeyFile + ".new"); err == nil {
		t.Error("the new master key lies beside itself")
	}
	if err := os.WriteFile(o.MasterKeyFile, old, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.Open(o); !errors.Is(err, vault.ErrMasterKeyWrong) {
		t.Errorf("Open with the old master key: %v, want ErrMasterKeyWrong", err)
	}
}

// Whatever is left by a kill during Rewrap opens, and the next Rewrap ends it.
func TestRewrapInterrupted(t *testing.T) {
	t.Parallel()
	for _, stage := range []string{"key made", "key set wrapped"} {
		v, o := create(t)
		sealed := seal(t, v, []byte("s3cr3t"), record)
		before, keyset := read(t, o.MasterKeyFile), read(t, o.KeysetFile)
		if err := v.Rewrap(o); err != nil {
			t.Fatal(err)
		}
		after := read(t, o.MasterKeyFile)
		// Back to the moment: the new key waits, the old one is in its place.
		write(t, o.MasterKeyFile, before, 0o600)
		write(t, o.MasterKeyFile+".new", after, 0o600)
		if stage == "key made" {
			write(t, o.KeysetFile, keyset, 0o600)
		}
		again := open(t, o)
		wantOpens(t, stage, again, sealed)
		if err := again.Rewrap(o); err != nil {
			t.Errorf("%s: Rewrap again: %v", stage, err)
		}
		wantOpens(t, stage+", ended", open(t, o), sealed)
	}
}

func TestRewrapToAnotherFile(t *testing.T) {
	t.Parallel()
	v, o := create(t)
	sealed := seal(t, v, []byte("s3cr3t"), record)
	to := o
	to.MasterKeyFile = filepath.Join(t.TempDir(), "other.key")
	if err := v.Rewrap(to); err != nil {
		t.Fatal(err)
	}
	wantOpens(t, "configured anew", open(t, to), sealed)
	wantOpens(t, "running on", v, seal(t, v, []byte("s3cr3t"), record))
	if _, err := vault.Open(o); !errors.Is(err, vault.ErrMasterKeyWrong) {
		t.Errorf("Open with the old file: %v, want ErrMasterKeyWrong", err)
	}
}

// A master key in a key management service, spoken to through Tink's client.
func TestKMS(t *testing.T) {
	t.Parallel()
	uri, other := newKMSKey(t), newKMSKey(t)
	o := options(t.TempDir())
	o.MasterKeyFile, o.MasterKeyURI, o.KMS = "", uri, kms(t)
	v, err := vault.Create(o)
	if err != nil {
		t.Fatal(err)
	}
	sealed := seal(t, v, []byte("s3cr3t"), record)
	wantOpens(t, "opened again", open(t, o), sealed)
	addKey(t, v)
	if err := v.Promote(time.Now()); err != nil {
		t.Fatal(err)
	}
	wantOpens(t, "rotated", open(t, o), seal(t, v, []byte("s3cr3t"), record))
	file := o
	file.MasterKeyURI, file.MasterKeyFile = "", filepath.Join(t.TempDir(), "master.key")
	if err := v.Rewrap(file); err != nil {
		t.Fatal(err)
	}
	wantOpens(t, "moved to a file", open(t, file), sealed)
	if err := open(t, file).Rewrap(o); err != nil {
		t.Fatal(err)
	}
	wantOpens(t, "moved back", open(t, o), sealed)
	for name, tt := range map[string]struct {
		uri  string
		kms  []registry.KMSClient
		want error
	}{
		"another key":  {other, o.KMS, vault.ErrMasterKeyWrong},
		"no such key":  {"fake-kms://nothing", o.KMS, vault.ErrKMS},
		"no client":    {uri, nil, vault.ErrKMS},
		"another kind": {"aws-kms://arn", o.KMS, vault.ErrKMS},
	} {
		wrong := o
		wrong.MasterKeyURI, wrong.KMS = tt.uri, tt.kms
		if _, err := vault.Open(wrong); !errors.Is(err, tt.want) {
			t.Errorf("%s: Open = %v, want %v", name, err, tt.want)
		}
	}
	if text := string(read(t, o.KeysetFile)); !strings.Contains(text, uri) {
		t.Error("the key set file does not name its master key")
	}
}

func newKMSKey(t *testing.T) string {
	t.Helper()
	uri, err := fakekms.NewKeyURI()
	if err != nil {
		t.Fatal(err)
	}
	return uri
}

func kms(t *testing.T) []registry.KMSClient {
	t.Helper()
	client, err := fakekms.NewClient("fake-kms://")
	if err != nil {
		t.Fatal(err)
	}
	return []registry.KMSClient{client}
}
