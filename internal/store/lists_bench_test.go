package store_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/sshkey"
	"keyrack/internal/store"
)

// listKeys is how many keys the lists are read from: KEYRACK_BENCH_KEYS, as
// 1000000. They take time to make, so that few are the default.
func listKeys(b *testing.B) int {
	n, err := strconv.Atoi(os.Getenv("KEYRACK_BENCH_KEYS"))
	if err != nil || n <= 0 {
		return 20_000
	}
	b.Logf("%d keys", n)
	return n
}

// BenchmarkKeyLists prints p50 and p99 of what portals ask of a large store:
// each with its count.
func BenchmarkKeyLists(b *testing.B) {
	eachStore(b, func(b *testing.B, s *store.Store) {
		total := listKeys(b)
		var one core.Key
		began := core.Moment(time.Now())
		for made := 0; made < total; made += 500 {
			err := s.Update(b.Context(), func(tx core.Tx) error {
				keys, err := insertKeys(tx, 100, 5)
				one = keys[0]
				return err
			})
			if err != nil {
				b.Fatal(err)
			}
		}
		sum := one.Public.SHA256()
		is := func(a core.Attribute, op core.Op, value any) core.Filter {
			return core.Compare{Attribute: a, Op: op, Value: value}
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
			{"created, few", is(core.KeyCreatedAttr, core.GreaterOrEqual, one.CreatedAt), 0},
			{"created, all", is(core.KeyCreatedAttr, core.GreaterOrEqual, began), 0},
			{"own and shared", core.Or{core.OwnedBy(one.Owner), is(core.KeySharedAttr, core.Equal, true)}, 0},
		} {
			q := core.KeyQuery{
				Where: list.where, Order: []core.Order{{Attribute: core.KeyNameAttr}}, Page: core.Page{Offset: list.offset, Limit: 10},
			}
			b.Run(list.name, func(b *testing.B) { percentiles(b, s, q) })
		}
	})
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
