package main

import (
	"context"
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

	"keyrack/test/rig"
)

// options are what the command line says.
type options struct {
	bin, db, dir, out string
	keys              int
	span              time.Duration
	rows              *regexp.Regexp
	connections       []int
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
	r.say("# Results\n\nMade by `make bench`; docs/performance.md tells what they mean. %d keys, ten to an owner; %s a cell.\n", o.keys, o.span)
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
	pattern := flags.String("rows", "", "only rows whose name has a match of this pattern, without regard to case")
	numbers := flags.String("connections", "1,8,32", "on how many connections")
	flags.StringVar(&o.dir, "dir", "", "where to work; default a new temporary directory")
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
	if !slices.Contains([]string{"sqlite", "pg", "both"}, o.db) {
		return o, fmt.Errorf("--db: %q is none of sqlite, pg, both", o.db)
	}
	o.bin, err = filepath.Abs(o.bin)
	return o, err
}

const configuration = `
faces: {sshverify: {requests_per_minute: 1000000}}
ssh: {per_source: 100000, max_connections: 100000, per_minute: 1000000}
log: {level: error}
`

// people are those who ask: a project, a host, and an owner for new keys.
const people = `
accounts:
  - {login: asker, roles: [admin], tokens: [
      {name: host, use: host, secret: hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh},
      {name: sdk, use: waldur, lifetime: never, secret: "1111111111111111111111111111111111111111"}]}
projects: [{name: p, api_keys: [{name: k, secret: 0123456789abcdefghijklmnopqrstuv}]}]
`

// measure loads a store and runs all rows on it.
func (o options) measure(ctx context.Context, db string, r *report) (err error) {
	dir, err := os.MkdirTemp(o.dir, "keyrack-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.Chmod(dir, 0o711); err != nil {
		return err
	}
	p := rig.Program{Bin: o.bin, Dir: dir, Args: []string{"--config", filepath.Join(dir, "keyrack.yaml")}}
	if err := os.WriteFile(filepath.Join(dir, "keyrack.yaml"), []byte(configuration), 0o600); err != nil {
		return err
	}
	store := filepath.Join(p.Data(), "keyrack.db")
	if db == "pg" {
		cluster, err := rig.NewCluster(ctx, filepath.Join(dir, "pg"), "shared_buffers = 512MB")
		if err != nil {
			return err
		}
		defer cluster.Stop(syscall.SIGQUIT)
		if err := cluster.Exec(ctx, "postgres", "CREATE DATABASE keyrack"); err != nil {
			return err
		}
		p.URL, store = cluster.URL("keyrack"), cluster.URL("keyrack")
	}
	r.say("\n## %s\n", map[string]string{"sqlite": "SQLite", "pg": "PostgreSQL"}[db])
	w, err := o.load(ctx, p, r)
	if err != nil {
		return err
	}
	if err := o.memory(ctx, p, store, r); err != nil {
		return err
	}
	return o.compare(ctx, p, store, w, r)
}
