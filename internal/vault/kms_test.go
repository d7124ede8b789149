package vault_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tink-crypto/tink-go/v2/core/registry"
	"github.com/tink-crypto/tink-go/v2/tink"

	"keyrack/internal/transit"
	"keyrack/internal/transit/transittest"
	"keyrack/internal/vault"
)

// transitKey is a vault whose master key lies in a transit engine.
type transitKey struct {
	*transittest.Server
	transittest.Admin
	o vault.Options
}

func newTransitKey(t *testing.T) transitKey {
	t.Helper()
	s := transittest.New(t)
	k := transitKey{s, s.Admin(), options(t.TempDir())}
	if err := k.MakeKey(t.Context(), "keyrack"); err != nil {
		t.Fatal(err)
	}
	k.o.MasterKeyFile, k.o.MasterKeyURI = "", s.URI("keyrack")
	k.o.KMS = clientOf(t, s, time.Minute)
	return k
}

// newTransitVault makes a vault behind such a key, and what it has sealed.
func newTransitVault(t *testing.T) (k transitKey, v *vault.Vault, sealed []byte) {
	t.Helper()
	k = newTransitKey(t)
	v, err := vault.Create(k.o)
	if err != nil {
		t.Fatal(err)
	}
	return k, v, seal(t, v, []byte("s3cr3t"), record)
}

func wantOpenError(t *testing.T, o vault.Options, is error, words ...string) {
	t.Helper()
	_, err := vault.Open(o)
	if !errors.Is(err, is) {
		t.Errorf("Open = %v, want %v", err, is)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("Open = %v, want %q in it", err, w)
		}
	}
}

// A key in the service that has got a new version still opens, and wraps anew
// by the new one; then the old one may be retired.
func TestKMSKeyRotatedInTheService(t *testing.T) {
	t.Parallel()
	k, v, sealed := newTransitVault(t)
	for _, err := range []error{k.Rotate(t.Context(), "keyrack"), v.Rewrap(k.o), k.Retire(t.Context(), "keyrack", 2)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	wantOpens(t, "wrapped anew", open(t, k.o), sealed)
	if err := errors.Join(k.Rotate(t.Context(), "keyrack"), k.Retire(t.Context(), "keyrack", 3)); err != nil {
		t.Fatal(err)
	}
	wantOpenError(t, k.o, vault.ErrKMS, "too old", k.o.MasterKeyURI)
	wantOpens(t, "running on", v, seal(t, v, []byte("s3cr3t"), record))
}

func TestKMSFailures(t *testing.T) {
	t.Parallel()
	k := newTransitKey(t)
	if _, err := vault.Create(k.o); err != nil {
		t.Fatal(err)
	}
	other := k.o
	other.MasterKeyURI = k.URI("other")
	wantOpenError(t, other, vault.ErrKMS, "encryption key not found", "wrapped by "+k.o.MasterKeyURI)
	if err := k.MakeKey(t.Context(), "other"); err != nil {
		t.Fatal(err)
	}
	wantOpenError(t, other, vault.ErrMasterKeyWrong, "wrapped by "+k.o.MasterKeyURI)
	file := k.o
	file.MasterKeyFile, file.MasterKeyURI = options(t.TempDir()).MasterKeyFile, ""
	wantOpenError(t, file, vault.ErrMasterKeyWrong, "wrapped by "+k.o.MasterKeyURI)
	k.Close()
	wantOpenError(t, k.o, vault.ErrKMS, "connection refused", k.o.MasterKeyURI)
	fresh := k.o
	fresh.KeysetFile = options(t.TempDir()).KeysetFile
	if _, err := vault.Create(fresh); !errors.Is(err, vault.ErrKMS) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("Create with the service down = %v, want ErrKMS", err)
	}
}

// A service that got another name has the key still; the old name is no reason
// to refuse it.
func TestKMSUnderAnotherName(t *testing.T) {
	t.Parallel()
	k, _, sealed := newTransitVault(t)
	moved := k.o
	moved.MasterKeyURI = strings.Replace(k.o.MasterKeyURI, "127.0.0.1", "example.com", 1) // as the server's certificate says
	moved.KMS = []registry.KMSClient{renamed{k.o.KMS[0]}}
	wantOpens(t, "under another name", open(t, moved), sealed)
}

// renamed is a client for which example.com is 127.0.0.1.
type renamed struct{ registry.KMSClient }

func (r renamed) GetAEAD(uri string) (tink.AEAD, error) {
	return r.KMSClient.GetAEAD(strings.Replace(uri, "example.com", "127.0.0.1", 1))
}

// A vault that a file's key wraps is not opened by way of a service.
func TestKMSConfiguredBeforeTheMove(t *testing.T) {
	t.Parallel()
	v, o := create(t)
	k := newTransitKey(t)
	k.o.KeysetFile = o.KeysetFile
	wantOpenError(t, k.o, vault.ErrMasterKeyWrong, "wrapped by the key of a file", "rewrap --master-key-uri")
	if err := v.Rewrap(k.o); err != nil {
		t.Fatal(err)
	}
	wantOpens(t, "moved", open(t, k.o), seal(t, v, []byte("s3cr3t"), record))
	wantOpenError(t, o, vault.ErrMasterKeyWrong, "configure that URI")
}

func clientOf(t *testing.T, s *transittest.Server, timeout time.Duration) []registry.KMSClient {
	t.Helper()
	dir := t.TempDir()
	token, ca := dir+"/token", dir+"/ca.pem"
	write(t, token, []byte(transittest.Token), 0o600)
	write(t, ca, s.CA(), 0o600)
	return []registry.KMSClient{transit.New(transit.Options{TokenFile: token, CAFile: ca, Timeout: timeout})}
}
