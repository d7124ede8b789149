package store_test

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/core"
	"keyrack/internal/sshkey"
	"keyrack/internal/store"
	"keyrack/internal/store/storetest"
)

// eachParallel runs fn b.N times in all, on 1, 8 and 32 goroutines. RunParallel
// would start no fewer than there are cores.
func eachParallel(b *testing.B, fn func(ctx context.Context) error) {
	for _, n := range []int{1, 8, 32} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			ctx := context.WithoutCancel(b.Context())
			before := cpuTime()
			b.ResetTimer()
			parallel(b, n, func() error { return fn(ctx) })
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
			b.ReportMetric(float64((cpuTime()-before).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}

func parallel(b *testing.B, n int, fn func() error) {
	var next atomic.Int64
	var group sync.WaitGroup
	for range n {
		group.Go(func() {
			for next.Add(1) <= int64(b.N) {
				if err := fn(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}

// cpuTime is what this process has used so far. On a machine with other work
// it tells more than the clock; a server's part is not in it.
func cpuTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func eachStore(b *testing.B, bench func(b *testing.B, s *store.Store)) {
	b.Run("sqlite", func(b *testing.B) { bench(b, storetest.SQLite(b)) })
	b.Run("postgres", func(b *testing.B) { bench(b, storetest.Postgres(b)) })
}

// newPublic gives a key that nobody holds.
func newPublic() sshkey.PublicKey {
	const algorithm = "ssh-ed25519"
	point := make([]byte, 32)
	_, _ = rand.Read(point) // never fails
	blob := binary.BigEndian.AppendUint32(nil, uint32(len(algorithm)))
	blob = append(blob, algorithm...)
	blob = binary.BigEndian.AppendUint32(blob, 32)
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
		UUID: uuid.Must(uuid.NewV7()), ShortID: rand.Text()[:12], Owner: owner, Name: rand.Text()[:8],
		Text: p.String() + " somebody@somewhere", Public: p, CreatedAt: now, UpdatedAt: now,
	}
}

// addKey does what core does to add a key.
func addKey(tx core.Tx, k core.Key) error {
	if _, err := tx.KeyOwner(k, core.Uniqueness{Name: true, Key: true}, core.ElsewhereTaken); err != nil {
		return err
	}
	ids, err := tx.InsertKeys(k)
	if err != nil {
		return err
	}
	k.ID = ids[0]
	if err := tx.InsertRevisions(core.Revision{Key: k, Action: core.KeyAdded, ActorKind: core.ActorAccount, ActorName: "ada", At: k.CreatedAt}); err != nil {
		return err
	}
	if err := tx.InsertEvidence(core.Evidence{Key: k.ID, Grade: core.Pasted, At: k.CreatedAt, ClientVersion: "SSH-2.0-OpenSSH_9.2"}); err != nil {
		return err
	}
	return tx.InsertAuditEvents(core.AuditEvent{
		At: k.CreatedAt, ActorKind: core.ActorAccount, ActorName: "ada", Action: "key.add", Object: "key " + k.UUID.String(),
		Face: "native", Outcome: core.Done,
	})
}

func insertAccount(tx core.Tx) (core.AccountID, error) {
	return tx.InsertAccount(core.Account{UUID: uuid.Must(uuid.NewV7()), ShortID: rand.Text()[:12], Login: rand.Text()})
}

func newAccount(ctx context.Context, s core.Store) (id core.AccountID, err error) {
	err = s.Update(ctx, func(tx core.Tx) (err error) {
		id, err = insertAccount(tx)
		return err
	})
	return id, err
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
	return dealt(ids)
}

// seeded fills a store with 20,000 keys, five for each account.
func seeded(b *testing.B, s core.Store) (all []core.Key) {
	for len(all) < 20_000 {
		var some []core.Key
		err := s.Update(b.Context(), func(tx core.Tx) (err error) {
			some, err = insertKeys(tx, 100, 5)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, some...)
	}
	return all
}

func insertKeys(tx core.Tx, accounts, each int) (all []core.Key, err error) {
	for range accounts {
		owner, err := insertAccount(tx)
		if err != nil {
			return nil, err
		}
		for range each {
			k := randomKey(owner)
			ids, err := tx.InsertKeys(k)
			if err != nil {
				return nil, err
			}
			k.ID = ids[0]
			all = append(all, k)
		}
	}
	return all, nil
}

// dealt deals out values in turn, neighbours apart.
func dealt[T any](all []T) func() T {
	var next atomic.Int64
	return func() T { return all[int(next.Add(7919))%len(all)] }
}

func BenchmarkInsertKey(b *testing.B) {
	eachStore(b, func(b *testing.B, s *store.Store) {
		seeded(b, s) // among few keys PostgreSQL takes neighbours in an index for conflicts
		owner := newOwners(b, s)
		eachParallel(b, func(ctx context.Context) error {
			k := randomKey(owner())
			return s.Update(ctx, func(tx core.Tx) error { return addKey(tx, k) })
		})
	})
}

func BenchmarkOwnerKey(b *testing.B) {
	eachStore(b, func(b *testing.B, s *store.Store) {
		key := dealt(seeded(b, s))
		eachParallel(b, func(ctx context.Context) error {
			k := key()
			return s.View(ctx, func(tx core.Tx) error {
				_, err := tx.OwnerKey(k.Owner, k.Public.SHA256())
				return err
			})
		})
	})
}

func BenchmarkKeysByOwner(b *testing.B) {
	eachStore(b, func(b *testing.B, s *store.Store) {
		key := dealt(seeded(b, s))
		eachParallel(b, func(ctx context.Context) error {
			k := key()
			return s.View(ctx, func(tx core.Tx) error {
				keys, err := tx.KeysByOwner(k.Owner)
				if err == nil && len(keys) != 5 {
					return fmt.Errorf("%d keys, want 5", len(keys))
				}
				return err
			})
		})
	})
}

func BenchmarkVisitedByIdentifier(b *testing.B) {
	eachStore(b, func(b *testing.B, s *store.Store) {
		var session core.Session
		err := s.Update(b.Context(), func(tx core.Tx) error {
			p, err := tx.InsertProject(core.Project{UUID: uuid.New(), Name: "p"})
			if err != nil {
				return err
			}
			session = core.Session{UUID: uuid.New(), Project: p, Kind: core.CollectSession, Identifier: rand.Text()}
			_, err = tx.InsertSession(session)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		eachParallel(b, func(ctx context.Context) error {
			return s.View(ctx, func(tx core.Tx) error {
				_, err := tx.VisitedByIdentifier(session.Identifier)
				return err
			})
		})
	})
}
