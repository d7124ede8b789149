package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
	"modernc.org/sqlite"

	"keyrack/test/rig"
)

// yard is a work of bare libraries that was measured on the machine that the
// absolute targets were set on. Beside what it comes to here, it tells a slow
// machine from a slow program.
type yard struct {
	name    string
	workers int
	each    int     // how many of what is counted one turn does
	then    float64 // of these a second, on that machine
	one     func(context.Context) error
}

// yardstick measures each for a second.
func (o options) yardstick(ctx context.Context, p rig.Program, f *floor, r *report) error {
	if r.yards || !o.rows.MatchString("yardstick") {
		return nil
	}
	r.yards = true
	dir, err := os.MkdirTemp(p.Dir, "yardstick-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	b, err := openTable(ctx, filepath.Join(dir, "yard.db"))
	if err != nil {
		return err
	}
	defer b.close()
	keys, err := newSigners(1)
	if err != nil {
		return err
	}
	r.say("Yardstick: what bare libraries do a second where the targets were set, on 2 cores too, and here. SQLite had a million rows there.\n")
	r.say("| work | there | here | ratio |\n|---|---|---|---|")
	o.span = time.Second
	for _, y := range b.yards(f, keys) {
		got := o.busy(ctx, os.Getpid(), y.workers, y.one)
		if got.failed > 0 {
			return fmt.Errorf("yardstick: %s: %s", y.name, got.sample)
		}
		now := got.rate * float64(y.each)
		r.say("| %s | %.0f | %.0f | %.2f |", y.name, y.then, now, now/y.then)
	}
	r.say("")
	return ctx.Err()
}

// table is a database of one table with one key a row, written by what the floor
// writes with.
type table struct{ *bare }

func openTable(ctx context.Context, path string) (b table, err error) {
	b = table{&bare{queue: make(chan *change, 64), inserts: map[string]*sql.Stmt{}, owners: []int64{1, 2, 3, 4}}}
	_, _ = sqlite.Fdatasync(true) // as keyrack
	address := "file:" + path + "?" + pragmas.Encode()
	if b.reads, err = sql.Open("sqlite", address); err != nil {
		return b, err
	}
	if b.writes, err = sql.Open("sqlite", address); err != nil {
		return b, err
	}
	b.writes.SetMaxOpenConns(1)
	if err := b.prepare(ctx); err != nil {
		return b, err
	}
	go b.write(ctx)
	return b, nil
}

func (b table) prepare(ctx context.Context) (err error) {
	schema := "CREATE TABLE keys (id INTEGER PRIMARY KEY, " + tables["keys"] + `);
		CREATE UNIQUE INDEX keys_uuid ON keys (uuid); CREATE INDEX keys_owner ON keys (owner, id); CREATE INDEX keys_sum ON keys (sha256)`
	if _, err := b.writes.ExecContext(ctx, schema); err != nil {
		return err
	}
	if b.inserts["keys"], err = b.writes.PrepareContext(ctx, b.insertion("keys")); err != nil { //nolint:sqlclosecheck // kept as long as the database
		return err
	}
	if b.bySum, err = b.reads.PrepareContext(ctx, columns+"WHERE k.sha256 = ?"); err != nil {
		return err
	}
	b.sealer, err = newSealer()
	return err
}

func (b table) close() {
	close(b.queue)
	_, _ = b.reads.Close(), b.writes.Close() // of a file that is removed
}

// yards are the works. Rows are added to a table that is empty at first, and has
// some ten thousand when they are read, which is easier than among a million.
func (b table) yards(f *floor, keys []ssh.Signer) []yard {
	secure := func(context.Context) error { return visit(f.ssh, listenFor, keys) }
	plain := (&wires{address: f.address, free: make(chan *wire, 32)}).fixed
	return []yard{
		{"net/http, 500 bytes of JSON, 1 connection", 1, 1, 14_500, plain},
		{"the same, 8", 8, 1, 54_000, plain},
		{"the same, 32", 32, 1, 56_000, plain},
		{"x/crypto/ssh, one key, 1 connection", 1, 1, 740, secure},
		{"the same, 8", 8, 1, 1_900, secure},
		{"the same, 32", 32, 1, 1_780, secure},
		{"SQLite, rows added, a thousand a commit", 1, 1000, 14_000, b.many},
		{"SQLite, rows added, one a commit, synchronous=FULL", 1, 1, 6_000, b.single},
		{"the same, 32 writers that share commits", 32, 1, 20_500, b.single},
		{"SQLite, rows read by fingerprint", 1, 1, 47_000, b.pick},
		{"AES-256-GCM, 3 KB sealed and opened", 1, 1, 185_000, b.sealed},
	}
}

// wires are connections to the floor that cost the client next to nothing, as
// those of wrk.
type wires struct {
	address string
	free    chan *wire
}

type wire struct {
	net.Conn
	in *bufio.Reader
}

// take gives a free connection or a new one.
func (w *wires) take() (*wire, error) {
	select {
	case c := <-w.free:
		return c, nil
	default:
	}
	conn, err := net.Dial("tcp", w.address) //nolint:noctx // a socket on loopback opens at once
	if err != nil {
		return nil, err
	}
	return &wire{conn, bufio.NewReader(conn)}, nil
}

// fixed asks for an answer that is always the same.
func (w *wires) fixed(context.Context) error {
	c, err := w.take()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(c, "GET /fixed HTTP/1.1\r\nHost: floor\r\n\r\n"); err != nil {
		return err
	}
	for line := []byte(nil); len(line) != len("\r\n"); {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return err
		}
	}
	if _, err := c.in.Discard(len(fixedJSON)); err != nil {
		return err
	}
	w.free <- c
	return nil
}

// fixedJSON are 500 bytes.
var fixedJSON = `{"fixed":"` + strings.Repeat("x", 488) + `"}`

func fixed(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, fixedJSON) // a peer that left needs no answer
}

var yardRows atomic.Int64

// row is a key whose fingerprint is known by its number.
func (b table) row() *change {
	blob := fmt.Appendf(nil, "%051d", yardRows.Add(1))
	in := newKeyIn{Name: "laptop", Key: "ssh-ed25519 " + string(blob) + " somebody@laptop"}
	return &change{b.newKey(in, blob)[:1], make(chan error, 1)}
}

func (b table) single(context.Context) error {
	c := b.row()
	b.queue <- c
	return <-c.done
}

func (b table) many(ctx context.Context) error {
	tx, err := b.writes.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	for range 1000 {
		if err := b.insert(ctx, tx, b.row()); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (b table) pick(ctx context.Context) error {
	n := counter.Add(7919)%yardRows.Load() + 1
	sum := sha256.Sum256(fmt.Appendf(nil, "%051d", n))
	found, err := b.rows(ctx, b.bySum, sum[:])
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("row %d is there %d times", n, len(found))
	}
	return err
}

func (b table) sealed(context.Context) error {
	text, nonce := make([]byte, 3000), make([]byte, b.sealer.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	_, err := b.sealer.Open(nil, nonce, b.sealer.Seal(nil, nonce, text, nil), nil)
	return err
}
