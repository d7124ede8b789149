package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"keyrack/test/rig"
)

// row is one row of the catalogue.
type row struct {
	id     string
	what   string
	stores []string // on which it is run
	ci     bool     // small enough to be run with each change
	waits  bool     // for time to pass: costs others nothing, and is run beside them where ci
	run    func(b *trial)
}

var (
	both     = []string{"sqlite", "pg"}
	sqlite   = []string{"sqlite"}
	postgres = []string{"pg"}
)

// rows is the catalogue.
var rows = []row{
	{"F1", "kill -9 while clients write", both, true, false, killed},
	{"F2", "a sync before each acknowledgement", both, true, false, syncedFirst},
	{"F3", "every sync fails", sqlite, true, false, syncFails},
	{"F4", "the disk is full", both, true, false, diskFull},
	{"F5", "another process holds the write lock", sqlite, true, true, lockHeld},
	{"F6", "what `keyrack doctor` finds", sqlite, true, false, doctor},
	{"F7", "the database restarts under load", postgres, true, false, databaseRestarts},
	{"F8", "failover to a standby", postgres, false, false, failover},
	{"F9", "the database is locked, dry, gone silent", postgres, false, false, databaseSlow},
	{"F15", "a backup while clients write, and its restore", both, true, false, backedUp},
	{"F17", "no audit record, no secret", both, true, false, auditBroken},
	{"C1", "no secret in the clear", both, true, false, nothingInClear},
	{"C2", "a wrong master key", sqlite, true, false, wrongMasterKey},
	{"C3", "sealed values changed and swapped", sqlite, true, false, tampered},
	{"C4", "new keys for the vault, and kills", both, true, false, rotated},
	{"L1", "silent SSH clients", sqlite, true, true, silentClients},
	{"L2", "a key exchange that never ends", sqlite, false, false, slowKeyExchange},
	{"L5", "durable writes beside readers", both, false, false, durableWrites},
	{"L6", "four times as many requests as there is capacity", both, false, false, overload},
	{"L7", "slow HTTP clients", sqlite, false, false, slowHTTP},
	{"L8", "a flood of wrong passwords", sqlite, true, false, loginFlood},
	{"L11", "a graceful stop under load", both, true, false, gracefulStop},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx)
	stop()
	os.Exit(code)
}

// options are what the command line says.
type options struct {
	bin, db, dir string
	night        bool
	ids          []string
}

func parse() (o options, err error) {
	flag.StringVar(&o.bin, "bin", "./keyrack", "the program to try")
	flag.StringVar(&o.db, "db", "all", "store: sqlite, pg or all")
	size := flag.String("size", "ci", "ci or night")
	flag.StringVar(&o.dir, "dir", "", "where to work; default a new temporary directory")
	flag.Parse()
	o.night, o.ids = *size == "night", flag.Args()
	for _, id := range o.ids {
		if !slices.ContainsFunc(rows, func(r row) bool { return r.id == id }) {
			return o, fmt.Errorf("no row %s", id)
		}
	}
	if *size != "ci" && !o.night || !slices.Contains([]string{"sqlite", "pg", "all"}, o.db) {
		return o, fmt.Errorf("--size is ci or night, --db sqlite, pg or all")
	}
	o.bin, err = filepath.Abs(o.bin)
	return o, err
}

// wanted tells whether a row is to be run on a store.
func (o options) wanted(r row, db string) bool {
	return (o.db == "all" || o.db == db) && slices.Contains(r.stores, db) &&
		(slices.Contains(o.ids, r.id) || len(o.ids) == 0 && (o.night || r.ci))
}

func run(ctx context.Context) int {
	o, err := parse()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bb:", err)
		return 2
	}
	var failed atomic.Int32
	var beside sync.WaitGroup
	try := func(r row, db string) {
		if ctx.Err() == nil && !o.try(ctx, r, db) {
			failed.Add(1)
		}
	}
	for _, r := range o.inOrder() {
		for _, db := range r.stores {
			switch {
			case !o.wanted(r, db):
			case o.besideOthers(r):
				beside.Go(func() { try(r, db) })
			default:
				try(r, db)
			}
		}
	}
	beside.Wait()
	if failed.Load() > 0 || ctx.Err() != nil {
		return 1
	}
	return 0
}

// besideOthers tells whether a row is run while others are. At night each has
// the machine for itself.
func (o options) besideOthers(r row) bool { return r.waits && !o.night }

// inOrder begins with the rows that are run beside others.
func (o options) inOrder() []row {
	first, then := []row{}, []row{}
	for _, r := range rows {
		if o.besideOthers(r) {
			first = append(first, r)
		} else {
			then = append(then, r)
		}
	}
	return append(first, then...)
}

// try runs a row on a store and prints its line.
func (o options) try(ctx context.Context, r row, db string) (passed bool) {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(ctx, rowLimit)
	defer cancel()
	b := &trial{Context: ctx, options: o, db: db}
	b.guarded(func() { r.run(b) })
	b.guarded(b.clean)
	fmt.Println(b.line(r.id))
	fmt.Fprintf(os.Stderr, "   %s took %s\n", r.what, time.Since(begun).Round(100*time.Millisecond))
	return b.passed()
}

// rowLimit is far above what any row takes at night.
const rowLimit = time.Hour

// trial is one row on one store: what it found, and what it has to put away.
type trial struct {
	context.Context
	options
	db      string
	checks  []check
	cleanup []func()
	cluster *rig.Cluster
}

// check is one figure and what it has to be.
type check struct {
	figure, limit string
	ok            bool
	late          bool // ok, but by the slack alone
}

// failure is what ends a row early.
type failure struct{ error }

// must ends the row where something that has to work does not.
func (b *trial) must(err error) {
	if err != nil {
		panic(failure{err})
	}
}

func (b *trial) fail(format string, args ...any) { b.must(fmt.Errorf(format, args...)) }

// guarded runs a part of a row and turns its end by [trial.must] into a failed check.
func (b *trial) guarded(fn func()) {
	defer func() {
		switch cause := recover().(type) {
		case nil:
		case failure:
			b.checks = append(b.checks, check{figure: "error=" + strings.Join(strings.Fields(cause.Error()), "_"), limit: "none"})
		default:
			b.checks = append(b.checks, check{figure: fmt.Sprint("panic=", cause), limit: "none"})
			fmt.Fprintf(os.Stderr, "%v\n%s", cause, debug.Stack())
		}
	}()
	fn()
}

// later puts something away when the row has ended, the last first.
func (b *trial) later(fn func()) { b.cleanup = append(b.cleanup, fn) }

func (b *trial) clean() {
	for _, fn := range slices.Backward(b.cleanup) {
		fn()
	}
}

// number is what figures are made of.
type number interface {
	~int | ~int64 | ~float64
}

// most is a figure that may be as large as limit.
func most[N number](b *trial, name string, is, limit N) {
	bound := limit
	if _, pace := any(is).(time.Duration); pace {
		bound *= N(b.slack())
	}
	b.checks = append(b.checks, check{name + "=" + show(is), name + "<=" + show(limit), is <= bound, is > limit})
}

// least is a figure that must be as large as limit.
func least[N number](b *trial, name string, is, limit N) {
	b.checks = append(b.checks, check{name + "=" + show(is), name + ">=" + show(limit), is >= limit, false})
}

// leastPace is a figure a time that must be as large as limit.
func leastPace[N number](b *trial, name string, is, limit N) {
	b.checks = append(b.checks, check{name + "=" + show(is), name + ">=" + show(limit), is*N(b.slack()) >= limit, is < limit})
}

// note is a figure that is told and may be any.
func (b *trial) note(format string, args ...any) {
	b.checks = append(b.checks, check{figure: fmt.Sprintf(format, args...), limit: "any", ok: true})
}

// slack is by how much things may be slower than they should: the small run is
// made beside other work, on machines of any speed, and is there to find what is
// wrong or hangs.
func (b *trial) slack() int { return sized(b, 5, 1) }

func show(n any) string {
	switch n := n.(type) {
	case time.Duration:
		return n.Round(100 * time.Microsecond).String()
	case float64:
		return fmt.Sprintf("%.2f", n)
	}
	return fmt.Sprint(n)
}

func (b *trial) passed() bool {
	return len(b.checks) > 0 && !slices.ContainsFunc(b.checks, func(c check) bool { return !c.ok })
}

// line is what is printed: the id, the verdict, the figures and their limits.
func (b *trial) line(id string) string {
	verdict := "FAIL"
	if b.passed() {
		verdict = "PASS"
	}
	figures, limits := []string{"db=" + b.db}, []string{}
	for _, c := range b.checks {
		figure := c.figure
		switch {
		case !c.ok:
			figure = "!" + figure
		case c.late:
			figure = "~" + figure
		}
		figures, limits = append(figures, figure), append(limits, c.limit)
	}
	return fmt.Sprintf("%-3s %s %s %s", id, verdict, strings.Join(figures, ","), strings.Join(limits, ","))
}

// sized gives a figure by the size of the run.
func sized[T any](b *trial, ci, night T) T {
	if b.night {
		return night
	}
	return ci
}
