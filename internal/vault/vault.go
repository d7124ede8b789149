// Package vault seals secrets and opens them again: envelope encryption with
// Tink, nothing written by hand below the AEAD.
//
// The master key wraps the key set file, whose keys (AES-256-GCM, one primary,
// any number of others) seal the secrets. The master key is 32 random bytes in a
// file, or lies in a key management service that a Tink client speaks to. Each ciphertext is bound to the vault and to the
// [Record] it belongs to, so it opens nowhere else. Keys are renewed in steps that
// can each stop anywhere, see [Vault.AddKey].
//
// The package owns those files and the type [Secret]. It knows no SQL and
// no users: where ciphertexts lie is the store's concern, who may read a secret
// and what is written down before he does is core's.
//
// Know first: losing either file loses every secret, so both go into the
// backup, apart from each other. [Create] makes a vault that opens nothing
// sealed before; whoever keeps ciphertexts keeps [Vault.ID] beside them,
// compares it at start, and calls Create only when there is none to compare.
package vault

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/tink-crypto/tink-go/v2/core/cryptofmt"
)

var (
	// ErrMasterKeyMissing says that the master key file does not exist.
	ErrMasterKeyMissing = errors.New("master key missing")
	// ErrMasterKeyWrong says that the master key file holds another key than
	// the one the key set was wrapped under, or no key at all.
	ErrMasterKeyWrong = errors.New("wrong master key")
	// ErrMasterKeyExposed says that group or world have access to the master
	// key file.
	ErrMasterKeyExposed = errors.New("master key exposed")
	// ErrKeysetMissing says that the key set file does not exist.
	ErrKeysetMissing = errors.New("key set missing")
	// ErrKeysetDamaged says that the key set file is not what was written.
	ErrKeysetDamaged = errors.New("key set damaged")
	// ErrBusy says that another process changes the key set.
	ErrBusy = errors.New("key set is being changed")
	// ErrNotYet says that old keys must stay a while, see [Vault.Drop].
	ErrNotYet = errors.New("too early to drop keys")
	// ErrKMS says that the key management service does not know the master key,
	// or does not answer.
	ErrKMS = errors.New("key management service failed")
	// ErrExists says that Create found a key set file and left it alone.
	ErrExists = errors.New("vault exists")
	// ErrTampered says that a ciphertext does not open: changed, cut, moved
	// here from another record or version, or sealed by another vault.
	ErrTampered = errors.New("sealed secret tampered with")
)

// Domains keep what one purpose bound from opening for another.
const (
	keysetDomain = "keyrack vault keyset v1"
	recordDomain = "keyrack vault record v1"
)

// Vault seals and unseals. It is safe for concurrent use, also while its key set
// changes: it sees what another process has made of the file, and never seals
// with a key that the file no longer calls the primary one.
type Vault struct {
	options Options
	id      string
	keys    atomic.Pointer[keys]
	loading sync.Mutex // held to read the file anew
}

// Record is what a ciphertext is bound to. Unseal must be given the Record
// that Seal was given; any difference is ErrTampered.
type Record struct {
	// Kind names the sort of secret, as "application.oauth1.secret".
	Kind string
	// ID identifies the object that owns the secret and is never reused.
	ID string
	// Field tells the secrets of one object apart.
	Field string
	// Version rises when the secret is replaced, so that an older ciphertext
	// put back into the row does not open.
	Version int64
}

// ID returns the identity of the key set, a UUID that stays for its life.
func (v *Vault) ID() string { return v.id }

// Seal encrypts plain and binds it to r.
func (v *Vault) Seal(plain []byte, r Record) ([]byte, error) {
	if r.Kind == "" || r.ID == "" {
		return nil, fmt.Errorf("seal %v: record lacks kind or id, and would be interchangeable", r)
	}
	k, err := v.fresh()
	if err != nil {
		return nil, fmt.Errorf("seal %v: %w", r, err)
	}
	sealed, err := k.aead.Encrypt(plain, v.bind(r))
	if err != nil {
		return nil, fmt.Errorf("seal %v: %w", r, err)
	}
	return sealed, nil
}

// Unseal decrypts what Seal made for the same r. Its one error is ErrTampered:
// Tink does not tell, nor could it, what was changed.
func (v *Vault) Unseal(sealed []byte, r Record) ([]byte, error) {
	k := v.keys.Load()
	plain, err := k.aead.Decrypt(sealed, v.bind(r))
	if err == nil {
		return plain, nil
	}
	if newer, err := v.fresh(); err == nil && newer != k { // sealed by a key that has been added meanwhile
		if plain, err := newer.aead.Decrypt(sealed, v.bind(r)); err == nil {
			return plain, nil
		}
	}
	return nil, fmt.Errorf("unseal %v: %w", r, ErrTampered)
}

// KeyOf tells which key of the key set sealed, by its id; 0 for what no key has.
func KeyOf(sealed []byte) uint32 {
	if len(sealed) < cryptofmt.TinkPrefixSize || sealed[0] != cryptofmt.TinkStartByte {
		return 0
	}
	return binary.BigEndian.Uint32(sealed[1:])
}

// SealedByPrimary tells whether the key that seals now has sealed this.
func (v *Vault) SealedByPrimary(sealed []byte) bool {
	k, err := v.fresh()
	return err == nil && KeyOf(sealed) == k.primary
}

// String names the record for errors; quoted, for parts may come from strangers.
func (r Record) String() string {
	return fmt.Sprintf("%q of %q, field %q, version %d", r.Kind, r.ID, r.Field, r.Version)
}

func (v *Vault) bind(r Record) []byte {
	return bind(recordDomain, v.id, r.Kind, r.ID, r.Field, strconv.FormatInt(r.Version, 10))
}

// bind encodes parts as associated data. Each is preceded by its length: no two
// lists give the same bytes, wherever the borders between parts are drawn.
func bind(parts ...string) []byte {
	ad := make([]byte, 0, 256) // room for any record we make
	for _, p := range parts {
		ad = binary.BigEndian.AppendUint64(ad, uint64(len(p)))
		ad = append(ad, p...)
	}
	return ad
}
