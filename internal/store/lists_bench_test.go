package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/pgtest"
	"keyrack/internal/sshkey"
	"keyrack/internal/store"
	"keyrack/internal/store/storetest"
)

// listKeys is how many keys the lists are read from: KEYRACK_BENCH_KEYS, as
// 1000000. They take time to make, so that few are the default.
func listKeys(b *testing.B) int {
	n, err := strconv.Atoi(os.Getenv("KEYRACK_BENCH_KEYS"))
	if err != nil || n <= 0 {
		return 20_000
	}
	return n
}

// BenchmarkKeyLists prints p50 and p99 of what portals ask of a large store:
// each with its count.
//
//	KEYRACK_BENCH_KEYS=1000000 go test ./internal/store -run '^$' -bench KeyLists
func BenchmarkKeyLists(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchLists(b, storetest.SQLite(b), func() {}) })
	b.Run("postgres", func(b *testing.B) {
		url := pgtest.URL(b)
		benchLists(b, storetest.Open(b, store.Options{URL: url}), func() { vacuum(b, url) })
	})
}

// benchLists fills a store, lets it settle, and reads each list.
func benchLists(b *testing.B, s *store.Store, settle func()) {
	total := listKeys(b)
	began := core.Moment(time.Now())
	one := fillLists(b, s, total)
	settle()
	sum := one.Public.SHA256()
	is := func(a core.Attribute, op core.Op, value any) core.Filter {
		return core.Compare{Attribute: a, Op: op, Value: value}
	}
	created := func(from, to time.Time) core.Filter {
		return core.And{is(core.KeyCreatedAttr, core.GreaterOrEqual, from), is(core.KeyCreatedAttr, core.LessOrEqual, to)}
	}
	for _, list := range []struct {
		name   string
		where  core.Filter
		offset int
	}{
		{"first page", nil, 0},
		{"page 10000", nil, min(99_990, total/2)},
		{"last page", nil, total - 10},
		{"name has 4", is(core.KeyNameAttr, core.Contains, one.Name[2:6]), 0},
		{"name has 3", is(core.KeyNameAttr, core.Contains, one.Name[:3]), 0},
		{"name has 1", is(core.KeyNameAttr, core.Contains, one.Name[:1]), 0},
		{"fingerprint", core.HasFingerprint(sshkey.Fingerprint{Hash: sshkey.HashSHA256, Sum: sum[:]}), 0},
		{"created, few", created(one.CreatedAt, one.CreatedAt.Add(time.Millisecond)), 0},
		{"created, a second", created(one.CreatedAt.Add(-time.Second), one.CreatedAt), 0},
		{"created, since", is(core.KeyCreatedAttr, core.GreaterOrEqual, one.CreatedAt), 0},
		{"created, all", is(core.KeyCreatedAttr, core.GreaterOrEqual, began), 0},
		{"own and shared", core.Or{core.OwnedBy(one.Owner), is(core.KeySharedAttr, core.Equal, true)}, 0},
	} {
		q := core.KeyQuery{
			Where: list.where, Order: []core.Order{{Attribute: core.KeyNameAttr}}, Page: core.Page{Offset: list.offset, Limit: 10},
		}
		b.Run(list.name, func(b *testing.B) { percentiles(b, s, q) })
	}
}

// fillLists inserts keys, many to a commit, and gives one from the middle.
func fillLists(b *testing.B, s *store.Store, total int) (one core.Key) {
	const owners, each = 1000, 10
	begun := time.Now()
	for made := 0; made < total; made += owners * each {
		err := s.Bulk(b.Context(), func(tx core.Tx) error {
			keys, err := insertKeys(tx, min(owners, (total-made+each-1)/each), each)
			if err == nil && made <= total/2 {
				one = keys[len(keys)/2]
			}
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.Logf("%d keys made in %s", total, time.Since(begun).Round(time.Millisecond))
	return one
}

// vacuum does at once what PostgreSQL does by itself in time.
func vacuum(b *testing.B, url string) {
	db, err := sql.Open("pgx", url)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(b.Context(), "VACUUM ANALYZE"); err != nil {
		b.Fatal(err)
	}
}

func percentiles(b *testing.B, s *store.Store, q core.KeyQuery) {
	var took []time.Duration
	ctx := context.WithoutCancel(b.Context())
	for b.Loop() {
		start := time.Now()
		err := s.View(ctx, func(tx core.Tx) error {
			keys, n, err := tx.Keys(q)
			if err == nil && (len(keys) == 0 || n == 0) {
				return fmt.Errorf("%d keys of %d, want some", len(keys), n)
			}
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
