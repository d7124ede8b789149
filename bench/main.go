package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"keyrack/test/rig"
)

// options are what the command line says.
type options struct {
	bin, db, dir, out, rows string
	keys                    int
	span                    time.Duration
	floor                   string // be the floor on this store
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
	var o options
	flag.StringVar(&o.bin, "bin", "./keyrack", "the program to measure")
	flag.StringVar(&o.db, "db", "all", "store: sqlite, pg or all")
	flag.IntVar(&o.keys, "keys", 20_000, "how many keys the store holds, ten to an owner")
	flag.DurationVar(&o.span, "span", 2*time.Second, "how long each row runs on each number of connections")
	flag.StringVar(&o.rows, "rows", "", "only rows whose name holds this")
	flag.StringVar(&o.dir, "dir", "", "where to work; default a new temporary directory")
	flag.StringVar(&o.out, "out", "bench/results.md", "where the table goes")
	flag.StringVar(&o.floor, "floor", "", "be the floor on this SQLite file or PostgreSQL URL")
	flag.Parse()
	if o.floor != "" {
		return serveFloor(ctx, o.floor)
	}
	var err error
	if o.bin, err = filepath.Abs(o.bin); err != nil {
		return err
	}
	var report strings.Builder
	fmt.Fprintf(&report, "# Results\n\nMade by `make bench`; docs/performance.md tells what they mean. %d keys, ten to an owner; %s a cell.\n",
		o.keys, o.span)
	for _, db := range []string{"sqlite", "pg"} {
		if o.db != "all" && o.db != db {
			continue
		}
		if err := o.measure(ctx, db, &report); err != nil {
			return fmt.Errorf("%s: %w", db, err)
		}
	}
	return os.WriteFile(o.out, []byte(report.String()), 0o644)
}

const configuration = `
faces: {sshverify: {requests_per_minute: 1000000}}
ssh: {per_source: 100000, max_connections: 100000}
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
func (o options) measure(ctx context.Context, db string, report *strings.Builder) (err error) {
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
	fmt.Fprintf(report, "\n## %s\n\n", map[string]string{"sqlite": "SQLite", "pg": "PostgreSQL"}[db])
	w, err := o.load(ctx, p, report)
	if err != nil {
		return err
	}
	return o.compare(ctx, p, store, w, report)
}

// say prints a line and keeps it in the report.
func say(report *strings.Builder, format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	fmt.Println(line)
	fmt.Fprintln(report, line)
}
