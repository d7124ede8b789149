package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	bin, db, dir, out string
	keys              int
	span              time.Duration
	rows              *regexp.Regexp
	connections       []int
	times             int
	floor             string // be the floor on this store
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	o, err := parse(os.Args[1:])
	if err != nil {
		return err
	}
	if o.floor != "" {
		return serveFloor(ctx, o.floor)
	}
	r := &report{}
	r.say("# Results\n\nMade by `make bench`; docs/performance.md tells what they mean. %d keys, ten to an owner; %s a cell, median of %d.\n", o.keys, o.span, o.times)
	r.machine()
	for _, db := range []string{"sqlite", "pg"} {
		if o.db != "both" && o.db != db {
			continue
		}
		if err := o.measure(ctx, db, r); err != nil {
			return fmt.Errorf("%s: %w", db, err)
		}
	}
	if o.out == "" {
		return nil
	}
	return os.WriteFile(o.out, []byte(r.text.String()), 0o644)
}

// parse reads the command line.
func parse(args []string) (o options, err error) {
	const file = "bench/results.md"
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	flags.StringVar(&o.bin, "bin", "./keyrack", "the program to measure")
	flags.StringVar(&o.db, "db", "both", "store: sqlite, pg or both")
	flags.IntVar(&o.keys, "keys", 20_000, "how many keys the store holds, ten to an owner")
	flags.DurationVar(&o.span, "span", 2*time.Second, "how long each row runs on each number of connections")
	flags.IntVar(&o.times, "times", 1, "how often each cell is measured, keyrack and floor in turn; the median counts")
	pattern := flags.String("rows", "", "only rows whose name has a match of this pattern, without regard to case")
	numbers := flags.String("connections", "1,8,32", "on how many connections")
	flags.StringVar(&o.dir, "dir", "", "where to work: what is loaded there stays, and is used by the next run; default a temporary directory")
	flags.StringVar(&o.out, "out", "", "where the tables go; default "+file+", and nowhere where --rows chooses")
	flags.StringVar(&o.floor, "floor", "", "be the floor on this SQLite file or PostgreSQL URL")
	_ = flags.Parse(args) // it ends the program itself
	if o.out == "" && *pattern == "" {
		o.out = file
	}
	if o.rows, err = regexp.Compile("(?i)" + *pattern); err != nil {
		return o, fmt.Errorf("--rows: %w", err)
	}
	for number := range strings.SplitSeq(*numbers, ",") {
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 {
			return o, fmt.Errorf("--connections: %q is no number of connections", number)
		}
		o.connections = append(o.connections, n)
	}
	if o.times < 1 || o.keys < 1 {
		return o, errors.New("--times and --keys: at least one")
	}
	if !slices.Contains([]string{"sqlite", "pg", "both"}, o.db) {
		return o, fmt.Errorf("--db: %q is none of sqlite, pg, both", o.db)
	}
	o.bin, err = filepath.Abs(o.bin)
	return o, err
}

// measure runs everything on one store.
func (o options) measure(ctx context.Context, db string, r *report) error {
	r.store(map[string]string{"sqlite": "SQLite", "pg": "PostgreSQL"}[db], db == "pg")
	s, err := o.stand(ctx, db)
	if err != nil {
		return err
	}
	defer s.end()
	if err := o.load(ctx, s, r); err != nil {
		return err
	}
	w, err := o.look(ctx, s.program)
	if err != nil {
		return err
	}
	if err := o.starts(s.program, r); err != nil {
		return err
	}
	if err := o.memory(ctx, s.program, s.store, r); err != nil {
		return err
	}
	if err := o.compare(ctx, s.program, s.store, w, r); err != nil {
		return err
	}
	return o.apply(ctx, s.program, r)
}
