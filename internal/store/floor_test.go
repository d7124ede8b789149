package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"keyrack/internal/core"
	"keyrack/internal/pgtest"
	"keyrack/internal/store"
	"keyrack/internal/store/storetest"
)

// floor is the least that a store can cost: the same statements on the same
// driver and schema, prepared, and nothing around them.
type floor struct {
	db      *sql.DB
	inserts [4]*sql.Stmt
	look    *sql.Stmt
	owner   core.AccountID
	writers int                // connections that may write at once
	readers int                // and read
	mark    func(n int) string // the n-th argument in a statement
	uuid    func(uuid.UUID) any
	time    func(time.Time) any
	newKey  func(ctx context.Context, insert *sql.Stmt, args []any) (int64, error)
}

func eachFloor(b *testing.B, bench func(b *testing.B, f *floor)) {
	b.Run("sqlite", func(b *testing.B) { bench(b, sqliteFloor(b)) })
	b.Run("postgres", func(b *testing.B) { bench(b, postgresFloor(b)) })
}

func sqliteFloor(b *testing.B) *floor {
	path := b.TempDir() + "/floor.db"
	f := &floor{
		owner:   newOwners(b, storetest.Open(b, store.Options{Path: path}))(),
		writers: 1, readers: 2,
		mark: func(int) string { return "?" },
		uuid: func(u uuid.UUID) any { return u[:] },
		time: func(t time.Time) any { return t.UnixMicro() },
		newKey: func(ctx context.Context, insert *sql.Stmt, args []any) (int64, error) {
			result, err := insert.ExecContext(ctx, args...)
			if err != nil {
				return 0, err
			}
			return result.LastInsertId()
		},
	}
	f.open(b, "sqlite", path+"?_pragma=busy_timeout(5000)&_pragma=synchronous(FULL)&_pragma=foreign_keys(ON)"+
		"&_pragma=mmap_size(1073741824)&_pragma=temp_store(MEMORY)&_txlock=immediate", "")
	return f
}

func postgresFloor(b *testing.B) *floor {
	url := pgtest.URL(b)
	f := &floor{
		owner:   newOwners(b, storetest.Open(b, store.Options{URL: url}))(),
		writers: 20, readers: 20,
		mark: func(n int) string { return fmt.Sprint("$", n) },
		uuid: func(u uuid.UUID) any { return u },
		time: func(t time.Time) any { return t },
		newKey: func(ctx context.Context, insert *sql.Stmt, args []any) (id int64, err error) {
			err = insert.QueryRowContext(ctx, args...).Scan(&id)
			return id, err
		},
	}
	f.open(b, "pgx", url, " RETURNING id")
	return f
}

// floorTables are the tables that get a row when a key is added.
var floorTables = [4][2]string{
	{"keys", "uuid short_id owner name text algorithm bits blob md5 sha256 sha512 shared created_at updated_at"},
	{"revisions", "key_id key_uuid number action short_id owner name text blob shared key_created_at key_updated_at" +
		" actor_kind actor_name account_id comment at"},
	{"evidence", "key_id grade at address client_version"},
	{"audit_events", "at actor_kind actor_name account_id project_id action object face address outcome detail"},
}

func (f *floor) open(b *testing.B, driver, dsn, returning string) {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() }) // and its statements
	db.SetMaxIdleConns(32)
	f.db = db
	for i, t := range floorTables {
		columns := strings.Fields(t[1])
		marks := make([]string, len(columns))
		for n := range columns {
			marks[n] = f.mark(n + 1)
		}
		f.inserts[i] = f.prepare(b, "INSERT INTO "+t[0]+" ("+strings.Join(columns, ", ")+") VALUES ("+strings.Join(marks, ", ")+")"+returning)
	}
	f.look = f.prepare(b, "SELECT id, uuid, short_id, owner, name, text, blob, shared, created_at, updated_at FROM keys"+
		" WHERE sha256 = "+f.mark(1)+" AND +owner = "+f.mark(2))
}

func (f *floor) prepare(b *testing.B, text string) *sql.Stmt {
	statement, err := f.db.PrepareContext(b.Context(), text)
	if err != nil {
		b.Fatal(err)
	}
	return statement
}

// addKey adds a key with revision, evidence and audit event.
func (f *floor) addKey(ctx context.Context, k core.Key) error {
	tx, err := f.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	key, err := f.newKey(ctx, tx.StmtContext(ctx, f.inserts[0]), f.keyValues(k))
	for i, args := range f.otherValues(k, key) {
		if err == nil {
			_, err = tx.StmtContext(ctx, f.inserts[i+1]).ExecContext(ctx, args...) //nolint:sqlclosecheck // closed with tx
		}
	}
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func (f *floor) keyValues(k core.Key) []any {
	md5, sha256, sha512 := k.Public.MD5(), k.Public.SHA256(), k.Public.SHA512()
	return []any{
		f.uuid(k.UUID), k.ShortID, int64(k.Owner), k.Name, k.Text, k.Public.Algorithm(), k.Public.Bits(), k.Public.Blob(),
		md5[:], sha256[:], sha512[:], k.Shared, f.time(k.CreatedAt), f.time(k.UpdatedAt),
	}
}

func (f *floor) otherValues(k core.Key, key int64) [3][]any {
	at, id := f.time(k.CreatedAt), f.uuid(k.UUID)
	return [3][]any{
		{key, id, 1, "added", k.ShortID, int64(k.Owner), k.Name, k.Text, k.Public.Blob(), k.Shared, at, at, 3, "ada", 0, "", at},
		{key, "pasted", at, "", "SSH-2.0-OpenSSH_9.2"},
		{at, 3, "ada", 0, 0, "key.add", "key " + k.UUID.String(), "native", "", "done", ""},
	}
}

// ownerKey looks a key up.
func (f *floor) ownerKey(ctx context.Context, k core.Key) error {
	sum := k.Public.SHA256()
	var id, owner int64
	var u, blob []byte
	var short, name, text string
	var shared bool
	var created, updated any
	return f.look.QueryRowContext(ctx, sum[:], int64(k.Owner)).
		Scan(&id, &u, &short, &owner, &name, &text, &blob, &shared, &created, &updated)
}

func BenchmarkFloorInsertKey(b *testing.B) {
	eachFloor(b, func(b *testing.B, f *floor) {
		f.db.SetMaxOpenConns(f.writers)
		eachParallel(b, func(ctx context.Context) error { return f.addKey(ctx, randomKey(f.owner)) })
	})
}

func BenchmarkFloorOwnerKey(b *testing.B) {
	eachFloor(b, func(b *testing.B, f *floor) {
		var all []core.Key
		for range 2000 {
			k := randomKey(f.owner)
			if err := f.addKey(b.Context(), k); err != nil {
				b.Fatal(err)
			}
			all = append(all, k)
		}
		f.db.SetMaxOpenConns(f.readers)
		key := dealt(all)
		eachParallel(b, func(ctx context.Context) error { return f.ownerKey(ctx, key()) })
	})
}
