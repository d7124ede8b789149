package vault

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/aesgcm"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// bundle is a vault with its insides in reach.
type bundle struct {
	Options
	vault  *Vault
	master masterKey
	file   keysetFile
}

func newBundle(t *testing.T) bundle {
	t.Helper()
	dir := t.TempDir()
	b := bundle{Options: Options{MasterKeyFile: filepath.Join(dir, "master.key"), KeysetFile: filepath.Join(dir, "keyset.json")}}
	var err error
	if b.vault, err = Create(b.Options); err != nil {
		t.Fatal(err)
	}
	if b.master, err = readMasterKey(b.MasterKeyFile); err != nil {
		t.Fatal(err)
	}
	if b.file, err = readKeysetFile(b.KeysetFile); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b bundle) handle(t *testing.T) *keyset.Handle {
	t.Helper()
	handle, err := b.file.unwrap(b.master)
	if err != nil {
		t.Fatal(err)
	}
	return handle
}

// What rotation will rest on: a key set grows, seals with the newest key and
// still opens what older ones sealed.
func TestKeysetWithSeveralKeys(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	r := Record{Kind: "webhook.secret", ID: "7"}
	old, err := b.vault.Seal([]byte("s3cr3t"), r)
	if err != nil {
		t.Fatal(err)
	}
	manager := keyset.NewManagerFromHandle(b.handle(t))
	added, err := manager.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		t.Fatal(err)
	}
	if err := manager.SetPrimary(added); err != nil {
		t.Fatal(err)
	}
	grown, err := manager.Handle()
	if err != nil {
		t.Fatal(err)
	}
	file, err := wrap(grown, b.file.ID, b.master)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(b.KeysetFile); err != nil {
		t.Fatal(err)
	}
	if err := file.write(b.KeysetFile); err != nil {
		t.Fatal(err)
	}
	v, err := Open(b.Options)
	if err != nil || v.ID() != b.vault.ID() {
		t.Fatalf("Open with two keys = %v, want vault %s", err, b.vault.ID())
	}
	if plain, err := v.Unseal(old, r); err != nil || string(plain) != "s3cr3t" {
		t.Errorf("Unseal of the old key's ciphertext = %q, %v, want s3cr3t", plain, err)
	}
	sealed, err := v.Seal([]byte("s3cr3t"), r)
	if err != nil || binary.BigEndian.Uint32(sealed[1:]) != added {
		t.Errorf("Seal = %x, %v, want it under the new key %08x", sealed, err, added)
	}
	if _, err := b.vault.Unseal(sealed, r); err == nil {
		t.Error("the vault without the new key opened what that key sealed")
	}
}

// Two vaults could come to share keys only by a copied key set; the id keeps
// their ciphertexts apart even then.
func TestSameKeysUnderAnotherIDOpenNothing(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	r := Record{Kind: "webhook.secret", ID: "7"}
	sealed, err := b.vault.Seal([]byte("s3cr3t"), r)
	if err != nil {
		t.Fatal(err)
	}
	file, err := wrap(b.handle(t), uuid.New(), b.master)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{MasterKeyFile: b.MasterKeyFile, KeysetFile: filepath.Join(t.TempDir(), "keyset.json")}
	if err := file.write(o.KeysetFile); err != nil {
		t.Fatal(err)
	}
	twin, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := twin.Unseal(sealed, r); !errors.Is(err, ErrTampered) {
		t.Errorf("Unseal under another vault id = %q, %v, want ErrTampered", plain, err)
	}
}

func TestNoKeyLiesInTheClear(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	primary, err := b.handle(t).Primary()
	if err != nil {
		t.Fatal(err)
	}
	masterText, err := os.ReadFile(b.MasterKeyFile)
	if err != nil {
		t.Fatal(err)
	}
	master, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(masterText)))
	if err != nil {
		t.Fatal(err)
	}
	data := primary.Key().(*aesgcm.Key).KeyBytes().Data(insecuresecretdataaccess.Token{})
	keysetText, err := os.ReadFile(b.KeysetFile)
	if err != nil {
		t.Fatal(err)
	}
	places := map[string][]byte{
		"key set file":      keysetText,
		"wrapped key set":   b.file.Keyset,
		"vault printed":     fmt.Appendf(nil, "%v %+v %#v %+v", b.vault, b.vault, b.vault, b.vault.keys.Load()),
		"master id printed": []byte(b.master.id),
	}
	for place, text := range places {
		wantNoKey(t, place, text, "master key", master)
		wantNoKey(t, place, text, "data key", data)
	}
	wantNoKey(t, "master key file", masterText, "data key", data)
}

func wantNoKey(t *testing.T, place string, text []byte, name string, key []byte) {
	t.Helper()
	if len(key) != 32 {
		t.Fatalf("%s has %d bytes, want 32", name, len(key))
	}
	for _, form := range [][]byte{
		key, key[:16], hex.AppendEncode(nil, key), hex.AppendEncode(nil, key[:4]),
		base64.StdEncoding.AppendEncode(nil, key), []byte(base64.RawURLEncoding.EncodeToString(key)), fmt.Append(nil, key), fmt.Appendf(nil, "%#v", key),
	} {
		if bytes.Contains(text, form) {
			t.Errorf("%s shows the %s as %q", place, name, form)
		}
	}
}
