package store_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"keyrack/internal/core"
	"keyrack/internal/pgtest"
	"keyrack/internal/sshkey"
	"keyrack/internal/store"
	"keyrack/internal/store/storetest"
)

// The benchmarks measure the store beside a floor: the same statements, bare,
// prepared on the same driver and schema.

var concurrency = []int{1, 8, 32}

// parallel runs fn b.N times in all on n goroutines.
func parallel(b *testing.B, n int, fn func() error) {
	b.Run(fmt.Sprint(n), func(b *testing.B) {
		var next atomic.Int64
		var wg sync.WaitGroup
		b.ResetTimer()
		for range n {
			wg.Go(func() {
				for next.Add(1) <= int64(b.N) {
					if err := fn(); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
	})
}

func eachParallel(b *testing.B, fn func() error) {
	for _, n := range concurrency {
		parallel(b, n, fn)
	}
}

// newPublic gives a key that nobody holds.
func newPublic() sshkey.PublicKey {
	const algorithm = "ssh-ed25519"
	point := make([]byte, 32)
	_, _ = rand.Read(point) // never fails
	blob := binary.BigEndian.AppendUint32(nil, uint32(len(algorithm)))
	blob = append(blob, algorithm...)
	blob = binary.BigEndian.AppendUint32(blob, uint32(len(point)))
	k, err := sshkey.FromWire(append(blob, point...))
	if err != nil {
		panic(err)
	}
	return k
}

func randomKey(owner core.AccountID) core.Key {
	now := time.Now().UTC().Truncate(time.Microsecond)
	p := newPublic()
	return core.Key{
		UUID: uuid.New(), ShortID: rand.Text()[:12], Owner: owner, Name: rand.Text()[:8],
		Text: p.String() + " somebody@somewhere", Public: p, CreatedAt: now, UpdatedAt: now,
	}
}

func addKey(tx core.Tx, k core.Key) error {
	id, err := tx.InsertKey(k)
	if err != nil {
		return err
	}
	k.ID = id
	if err := tx.InsertRevision(core.Revision{Key: k, Action: core.KeyAdded, ActorKind: core.ActorAccount, ActorName: "ada", At: k.CreatedAt}); err != nil {
		return err
	}
	if err := tx.InsertEvidence(core.Evidence{Key: id, Grade: core.Pasted, At: k.CreatedAt, ClientVersion: "SSH-2.0-OpenSSH_9.2"}); err != nil {
		return err
	}
	return tx.InsertAuditEvent(core.AuditEvent{
		At: k.CreatedAt, ActorKind: core.ActorAccount, ActorName: "ada", Action: "key.add", Object: "key " + k.UUID.String(), Face: "native", Outcome: core.Done,
	})
}

func newAccount(ctx context.Context, s core.Store) (id core.AccountID, err error) {
	err = s.Update(ctx, func(tx core.Tx) (err error) {
		id, err = tx.InsertAccount(core.Account{UUID: uuid.New(), ShortID: rand.Text()[:12], Login: rand.Text()})
		return err
	})
	return id, err
}

func eachStore(b *testing.B, bench func(b *testing.B, s *store.Store)) {
	b.Run("sqlite", func(b *testing.B) { bench(b, storetest.SQLite(b)) })
	b.Run("postgres", func(b *testing.B) { bench(b, storetest.Postgres(b)) })
}

func BenchmarkInsertKey(b *testing.B) {
	eachStore(b, func(b *testing.B, s *store.Store) {
		owners := newOwners(b, s)
		eachParallel(b, func() error {
			k := randomKey(owners())
			return s.Update(context.Background(), func(tx core.Tx) error { return addKey(tx, k) })
		})
	})
}

// newOwners makes accounts and deals them out in turn.
func newOwners(b *testing.B, s core.Store) func() core.AccountID {
	var ids []core.AccountID
	for range 100 {
		id, err := newAccount(b.Context(), s)
		if err != nil {
			b.Fatal(err)
		}
		ids = append(ids, id)
	}
	var next atomic.Int64
	return func() core.AccountID { return ids[next.Add(1)%int64(len(ids))] }
}

// seeded fills a store with n keys of n/5 accounts.
func seeded(b *testing.B, s core.Store, n int) []core.Key {
	var all []core.Key
	for len(all) < n {
		err := s.Update(b.Context(), func(tx core.Tx) error {
			for range 200 {
				owner, err := tx.InsertAccount(core.Account{UUID: uuid.New(), ShortID: rand.Text()[:12], Login: rand.Text()})
				if err != nil {
					return err
				}
				for range 5 {
					k := randomKey(owner)
					if k.ID, err = tx.InsertKey(k); err != nil {
						return err
					}
					all = append(all, k)
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return all
}

func dealt[T any](all []T) func() T {
	var next atomic.Int64
	return func() T { return all[int(next.Add(7919))%len(all)] }
}

func BenchmarkOwnerKey(b *testing.B) {
	eachStore(b, func(b *testing.B, s *store.Store) {
		key := dealt(seeded(b, s, 20000))
		eachParallel(b, func() error {
			k := key()
			return s.View(context.Background(), func(tx core.Tx) error {
				_, err := tx.OwnerKey(k.Owner, k.Public.SHA256())
				return err
			})
		})
	})
}

func BenchmarkKeysByOwner(b *testing.B) {
	eachStore(b, func(b *testing.B, s *store.Store) {
		key := dealt(seeded(b, s, 20000))
		eachParallel(b, func() error {
			k := key()
			return s.View(context.Background(), func(tx core.Tx) error {
				keys, err := tx.KeysByOwner(k.Owner)
				if err == nil && len(keys) != 5 {
					return fmt.Errorf("%d keys", len(keys))
				}
				return err
			})
		})
	})
}

func BenchmarkAccountByLogin(b *testing.B) {
	eachStore(b, func(b *testing.B, s *store.Store) {
		seeded(b, s, 5000)
		var logins []string
		err := s.View(b.Context(), func(tx core.Tx) error {
			accounts, _, err := tx.Accounts(core.Page{})
			for _, a := range accounts {
				logins = append(logins, a.Login)
			}
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		login := dealt(logins)
		eachParallel(b, func() error {
			l := login()
			return s.View(context.Background(), func(tx core.Tx) error {
				_, err := tx.AccountByLogin(l)
				return err
			})
		})
	})
}

// floor is a bare database with the store's schema.
type floor struct {
	db     *sql.DB
	insert [4]string
	owner  core.AccountID
	uuid   func(uuid.UUID) any
	time   func(time.Time) any
	one    string
}

func sqliteFloor(b *testing.B) *floor {
	path := filepath.Join(b.TempDir(), "floor.db")
	s := storetest.Open(b, store.Options{Path: path})
	f := &floor{}
	f.owner = newOwners(b, s)()
	db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(5000)&_pragma=synchronous(FULL)&_pragma=foreign_keys(ON)&_pragma=mmap_size(1073741824)&_txlock=immediate")
	if err != nil {
		b.Fatal(err)
	}
	f.db = db
	b.Cleanup(func() { _ = db.Close() })
	f.uuid = func(u uuid.UUID) any { return u[:] }
	f.time = func(t time.Time) any { return t.UnixMicro() }
	f.texts(func(n int) string { return "?" }, "")
	return f
}

func postgresFloor(b *testing.B) *floor {
	url := pgtest.URL(b)
	s := storetest.Open(b, store.Options{URL: url})
	f := &floor{}
	f.owner = newOwners(b, s)()
	db, err := sql.Open("pgx", url)
	if err != nil {
		b.Fatal(err)
	}
	db.SetMaxOpenConns(20)
	db.SetMaxIdleConns(20)
	f.db = db
	b.Cleanup(func() { _ = db.Close() })
	f.uuid = func(u uuid.UUID) any { return u }
	f.time = func(t time.Time) any { return t }
	f.texts(func(n int) string { return fmt.Sprintf("$%d", n) }, " RETURNING id")
	return f
}

func (f *floor) texts(mark func(int) string, returning string) {
	for i, in := range []struct{ table, columns string }{
		{"keys", "uuid short_id owner name text algorithm bits blob md5 sha256 sha512 shared created_at updated_at"},
		{"revisions", "key_id key_uuid number action short_id owner name text blob shared key_created_at key_updated_at actor_kind actor_name account_id comment at"},
		{"evidence", "key_id grade at address client_version"},
		{"audit_events", "at actor_kind actor_name account_id project_id action object face address outcome detail"},
	} {
		var columns, marks string
		n := 0
		for c := range strings.FieldsSeq(in.columns) {
			if n++; n > 1 {
				columns, marks = columns+", ", marks+", "
			}
			columns, marks = columns+c, marks+mark(n)
		}
		f.insert[i] = "INSERT INTO " + in.table + " (" + columns + ") VALUES (" + marks + ")" + returning
	}
	f.one = "SELECT id, uuid, short_id, owner, name, text, blob, shared, created_at, updated_at FROM keys WHERE sha256 = " + mark(1) + " AND owner = " + mark(2)
}

func (f *floor) add(ctx context.Context, stmts [4]*sql.Stmt, k core.Key, returning bool) error {
	tx, err := f.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	md5, sha256, sha512 := k.Public.MD5(), k.Public.SHA256(), k.Public.SHA512()
	blob, at, id := k.Public.Blob(), f.time(k.CreatedAt), f.uuid(k.UUID)
	var key int64
	args := []any{id, k.ShortID, int64(k.Owner), k.Name, k.Text, k.Public.Algorithm(), k.Public.Bits(), blob, md5[:], sha256[:], sha512[:], k.Shared, at, at}
	if returning {
		err = tx.StmtContext(ctx, stmts[0]).QueryRowContext(ctx, args...).Scan(&key)
	} else {
		var r sql.Result
		if r, err = tx.StmtContext(ctx, stmts[0]).ExecContext(ctx, args...); err == nil {
			key, err = r.LastInsertId()
		}
	}
	if err != nil {
		return err
	}
	for i, args := range [][]any{
		{key, id, 1, "added", k.ShortID, int64(k.Owner), k.Name, k.Text, blob, k.Shared, at, at, 3, "ada", 0, "", at},
		{key, "pasted", at, "", "SSH-2.0-OpenSSH_9.2"},
		{at, 3, "ada", 0, 0, "key.add", "key " + k.UUID.String(), "native", "", "done", ""},
	} {
		if _, err := tx.StmtContext(ctx, stmts[i+1]).ExecContext(ctx, args...); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (f *floor) prepare(b *testing.B) (stmts [4]*sql.Stmt) {
	for i, text := range f.insert {
		var err error
		if stmts[i], err = f.db.PrepareContext(b.Context(), text); err != nil {
			b.Fatal(err)
		}
	}
	return stmts
}

func eachFloor(b *testing.B, bench func(b *testing.B, f *floor, postgres bool)) {
	b.Run("sqlite", func(b *testing.B) { bench(b, sqliteFloor(b), false) })
	b.Run("postgres", func(b *testing.B) { bench(b, postgresFloor(b), true) })
}

func BenchmarkFloorInsertKey(b *testing.B) {
	eachFloor(b, func(b *testing.B, f *floor, postgres bool) {
		stmts := f.prepare(b)
		if !postgres {
			f.db.SetMaxOpenConns(1)
		}
		eachParallel(b, func() error {
			return f.add(context.Background(), stmts, randomKey(f.owner), postgres)
		})
	})
}

func BenchmarkFloorOwnerKey(b *testing.B) {
	eachFloor(b, func(b *testing.B, f *floor, postgres bool) {
		stmts := f.prepare(b)
		var all []core.Key
		for range 5000 {
			k := randomKey(f.owner)
			if err := f.add(b.Context(), stmts, k, postgres); err != nil {
				b.Fatal(err)
			}
			all = append(all, k)
		}
		if !postgres {
			f.db.SetMaxOpenConns(2)
		}
		one, err := f.db.PrepareContext(b.Context(), f.one)
		if err != nil {
			b.Fatal(err)
		}
		key := dealt(all)
		eachParallel(b, func() error {
			k := key()
			sum := k.Public.SHA256()
			var id, owner int64
			var u, blob []byte
			var short, name, text string
			var shared bool
			var created, updated any
			return one.QueryRowContext(context.Background(), sum[:], int64(k.Owner)).Scan(&id, &u, &short, &owner, &name, &text, &blob, &shared, &created, &updated)
		})
	})
}
