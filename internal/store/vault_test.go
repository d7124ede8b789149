package store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keyrack/internal/core"
	"keyrack/internal/store"
	"keyrack/internal/store/storetest"
	"keyrack/internal/vault"
)

// vaulted is a service with a vault over a store, and one device.
func vaulted(t testing.TB, s *store.Store) *core.Service {
	t.Helper()
	dir := t.TempDir()
	v, err := vault.Create(vault.Options{MasterKeyFile: filepath.Join(dir, "master.key"), KeysetFile: filepath.Join(dir, "keyset.json")})
	if err != nil {
		t.Fatal(err)
	}
	service := core.New(core.Options{Store: s, Vault: v})
	if _, _, err := service.SaveDevice(t.Context(), operator, core.DeviceChange{Hostname: "web-01"}); err != nil {
		t.Fatal(err)
	}
	return service
}

var operator = core.Operator("olga")

// secretText is a secret as long as a private key, that nobody has.
func secretText() string {
	return "-----BEGIN OPENSSH PRIVATE KEY-----\n" + base64.StdEncoding.EncodeToString(fmt.Append(nil, rand.Text(), rand.Text())) + "\n"
}

func saveKey(ctx context.Context, s *core.Service, identifier, private string) (core.SavedManagedKey, error) {
	return s.SaveManagedKey(ctx, operator, core.ManagedKeyChange{
		Identifier: identifier, Hostname: core.To("web-01"), Address: core.To("10.0.0.5"), PublicKey: core.To("ssh-ed25519 AAAA"),
		PrivateKey: core.To(vault.NewSecret(private)), Passphrase: core.To(vault.NewSecret("canary-" + private[40:60])),
	})
}

// C1: of what is vaulted nothing lies in the database file or its WAL, in any
// usual form; nor after it was read, changed and sealed anew.
func TestNothingVaultedIsInTheClear(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keyrack.db")
	s := storetest.Open(t, store.Options{Path: path})
	service := vaulted(t, s)
	var secrets []string
	for i := range 50 {
		for range 2 { // the second is a new version
			private := secretText()
			k, err := saveKey(t.Context(), service, fmt.Sprint("k", i), private)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := service.RevealManagedKey(t.Context(), operator, k.ID, 0); err != nil {
				t.Fatal(err)
			}
			secrets = append(secrets, private, "canary-"+private[40:60])
		}
	}
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) < 2 {
		t.Fatalf("files %v, %v; want the database and its WAL", files, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range secrets {
			for _, form := range forms(secret) {
				if bytes.Contains(content, form) {
					t.Fatalf("%s holds %q", filepath.Base(file), form)
				}
			}
		}
	}
}

// forms are how a secret might be written: as it is, its lines, and in base64
// at each of the three offsets, and in hex.
func forms(secret string) [][]byte {
	all := [][]byte{[]byte(secret), []byte(hex.EncodeToString([]byte(secret))), bytes.ToUpper([]byte(hex.EncodeToString([]byte(secret))))}
	for line := range strings.Lines(secret) {
		if !strings.HasPrefix(line, "-----") {
			all = append(all, []byte(strings.TrimSpace(line)))
		}
	}
	for offset := range 3 {
		text := base64.RawStdEncoding.EncodeToString([]byte(secret[offset:]))
		all = append(all, []byte(text[:len(text)-4]))
	}
	return all
}

// C3 by SQL: rows whose ciphertexts were exchanged, or whose version was put
// back, do not open; nor does a row whose owner is another now.
func TestEditedRowsDoNotOpen(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]string{
		"ciphertexts of two keys": "UPDATE managed_key_versions SET private_key = (SELECT private_key FROM managed_key_versions WHERE id = 2) WHERE id = 3",
		"an older version":        "UPDATE managed_key_versions SET private_key = (SELECT private_key FROM managed_key_versions WHERE id = 1) WHERE id = 3",
		"passphrase as key":       "UPDATE managed_key_versions SET private_key = passphrase WHERE id = 3",
		"another number":          "UPDATE managed_key_versions SET number = CASE id WHEN 1 THEN 7 ELSE 1 END WHERE id IN (1, 3); UPDATE managed_keys SET version = 1 WHERE id = 1",
		"another owner":           "UPDATE managed_keys SET uuid = (SELECT randomblob(16)) WHERE id = 1",
		"one byte":                "UPDATE managed_key_versions SET private_key = CAST(substr(private_key, 1, 30) || CASE substr(private_key, 31, 1) WHEN x'00' THEN x'01' ELSE x'00' END || substr(private_key, 32) AS BLOB) WHERE id = 3",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "keyrack.db")
			service := vaulted(t, storetest.Open(t, store.Options{Path: path}))
			for _, identifier := range []string{"a", "b", "a"} {
				if _, err := saveKey(t.Context(), service, identifier, secretText()); err != nil {
					t.Fatal(err)
				}
			}
			editSQL(t, path, edit)
			if m, err := service.RevealManagedKey(t.Context(), operator, 1, 0); err == nil || !m.PrivateKey.IsZero() {
				t.Errorf("RevealManagedKey of the edited key = %v, want an error and no secret", err)
			}
			if _, err := service.RevealManagedKey(t.Context(), operator, 2, 0); err != nil {
				t.Errorf("RevealManagedKey of the other key: %v", err)
			}
		})
	}
}

func editSQL(t *testing.T, path, text string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), text); err != nil {
		t.Fatal(err)
	}
}

// notSealed are the columns of bytes that hold no secret to be sealed. One that
// does is added to core.SealedPlaces, or what it holds is lost when the key that
// sealed it is dropped.
var notSealed = []string{
	"uuid", "secret_hash", "oauth2_secret_hash", "blob", "md5", "sha256", "sha512", "key_uuid", "connection",
	"block", "sz", // the index for searches
	"credential", "token_hash", "successor", "key", "request", "object", // digests and UUIDs
}

func TestEveryColumnOfBytesIsKnown(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keyrack.db")
	storetest.Open(t, store.Options{Path: path})
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(t.Context(), "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.type = 'BLOB'")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(notSealed, column) && !slices.Contains(store.SealedColumns(), table+"."+column) {
			t.Errorf("is %s.%s sealed? If so add it to core.SealedPlaces, else to notSealed", table, column)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkVault(b *testing.B) {
	eachStore(b, func(b *testing.B, s *store.Store) {
		service := vaulted(b, s)
		private := "-----BEGIN OPENSSH PRIVATE KEY-----\n" + strings.Repeat("x", 2600)
		var ids []core.ManagedKeyID
		for i := range 1000 {
			k, err := saveKey(b.Context(), service, fmt.Sprint("k", i), private)
			if err != nil {
				b.Fatal(err)
			}
			ids = append(ids, k.ID)
		}
		id := dealt(ids)
		b.Run("read", func(b *testing.B) {
			eachParallel(b, func(ctx context.Context) error {
				_, err := service.RevealManagedKey(ctx, operator, id(), 0)
				return err
			})
		})
		b.Run("write", func(b *testing.B) {
			eachParallel(b, func(ctx context.Context) error {
				_, err := saveKey(ctx, service, "", private)
				return err
			})
		})
	})
}
