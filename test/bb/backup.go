package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"keyrack/test/rig"
)

// taken is a backup and what it has to hold.
type taken struct {
	file   string
	before []string // ids that were acknowledged before it was begun
}

// backedUp is F15: a backup while clients write, and backups that are cut off;
// then the first one is restored where there is nothing.
func backedUp(b *trial) {
	p := b.peopled()
	name := canary("organization")
	_, err := p.Must(b, "organizations: [{name: "+name+"}]", "apply", "-f", "-")
	b.must(err)
	b.importKeys(p, "ada", sized(b, 1000, 100_000))
	_, err = p.Must(b, "", "webhook", "secret", "onboarding") // makes it
	b.must(err)
	h := b.newHolder()
	made := b.backedUpUnderLoad(p, h, name)
	b.wantEncrypted(h, made.file, name)
	b.wantRestored(p, h, made)
}

// backedUpUnderLoad makes a backup while clients read and write as in L5, and a
// few do all else; then it cuts others off.
func (b *trial) backedUpUnderLoad(p rig.Program, h holder, name string) (made taken) {
	s := b.serve(p)
	l, others := b.newLedger(), b.newLedger()
	l.makers = makers[:1]
	ctx, cancel := context.WithCancel(b)
	defer cancel()
	address := func() string { return s.HTTP }
	writers, few := l.work(ctx, sized(b, 8, 32), address), others.work(ctx, 2, address)
	var reads *tally
	var readers sync.WaitGroup
	readers.Go(func() { reads = flood(ctx, sized(b, 4, 16), http.StatusOK, s.HTTP, func() call { return readList }) })
	b.pause(sized(b, time.Second, time.Minute))

	made.file = filepath.Join(b.directory(), "backup.age")
	made.before = append(l.with("ack"), others.with("ack")...)
	quiet := l.slow()
	begun := time.Now()
	_, err := p.Must(b, "", h.create(made.file)...)
	b.must(err)
	took := time.Since(begun)
	meanwhile := l.count("ack") + others.count("ack") - len(made.before)
	cut := b.cutOff(p, h, took, name)
	cancel()
	for _, clients := range []*sync.WaitGroup{writers, few, &readers} {
		clients.Wait()
	}
	s.Stop()

	least(b, "acks_before", len(made.before), 1)
	least(b, "acks_meanwhile", meanwhile, 1)
	b.note("backup_took=%s,slowest_write_before=%s,slowest_read=%s", show(took), show(quiet), show(reads.slowest))
	most(b, "slowest_write", l.slow(), time.Second)
	most(b, "failed", l.count("err")+others.count("err")+reads.refused+reads.wrong, 0)
	b.show(reads)
	cut.judge(b)
	return made
}

// importKeys gives an account so many keys.
func (b *trial) importKeys(p rig.Program, login string, n int) {
	var lines strings.Builder
	for i := range n {
		fmt.Fprintln(&lines, keyOf(fmt.Sprintf("imported-%d", i)))
	}
	path := filepath.Join(b.directory(), "keys")
	b.must(os.WriteFile(path, []byte(lines.String()), 0o600))
	_, err := p.Must(b, "", "key", "import", path, "--owner", login)
	b.must(err)
}

// cuts counts backups that were ended while they were made.
type cuts struct {
	killed, interrupted int
	partial             int // files under the name of a backup that are none
	left                int // hidden files of those that could put them away
	open                int // files that others can read
}

func (c cuts) judge(b *trial) {
	least(b, "killed", c.killed, 1)
	least(b, "interrupted", c.interrupted, 1)
	most(b, "partial", c.partial, 0)
	most(b, "left", c.left, 0)
	most(b, "left_readable", c.open, 0)
}

// cutOff ends backups while they are made, as a crash does and as an operator
// does. Under the name there is to be nothing, or a whole one.
func (b *trial) cutOff(p rig.Program, h holder, whole time.Duration, name string) (c cuts) {
	wanted := sized(b, 1, 5)
	for tried := 0; tried < 5*wanted && min(c.killed, c.interrupted) < wanted; tried++ {
		for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGINT} {
			dir := b.directory()
			file := filepath.Join(dir, "backup.age")
			b.cutOffOne(p, h.create(file), dir, sig, between(0, whole/sized[time.Duration](b, 20, 2)))
			left := b.entries(dir)
			switch {
			case slices.Contains(left, filepath.Base(file)):
				if _, err := h.open(file); err != nil {
					c.partial++
					fmt.Printf("   %s: %v\n", file, err)
				}
			case sig == syscall.SIGKILL:
				c.killed++
			default:
				c.interrupted++
				c.left += len(left)
			}
			c.open += b.readable(dir, name)
		}
	}
	return c
}

// cutOffOne begins a command, and ends it a while after there is anything in
// the directory.
func (b *trial) cutOffOne(p rig.Program, command []string, dir string, sig syscall.Signal, after time.Duration) {
	c, err := p.Begin(command...)
	b.must(err)
	defer c.Kill()
	for len(b.entries(dir)) == 0 {
		select {
		case <-c.Done():
			b.fail("keyrack %v = exit code %d: %s", command, c.ExitCode(), c.Log())
		case <-time.After(200 * time.Microsecond):
		}
	}
	b.pause(after)
	_ = c.Signal(sig) // it may have ended
	<-c.Done()
}

// entries are the names of what is in a directory, which may be missing.
func (b *trial) entries(dir string) (names []string) {
	there, err := os.ReadDir(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		b.must(err)
	}
	for _, entry := range there {
		names = append(names, entry.Name())
	}
	return names
}

// readable counts files of a directory that are not for their owner alone, or
// in which a name can be read.
func (b *trial) readable(dir, name string) (n int) {
	texts := map[string][]byte{}
	b.must(b.read(dir, texts))
	for path := range texts {
		info, err := os.Stat(path)
		b.must(err)
		if info.Mode().Perm() != 0o600 {
			n++
			fmt.Printf("   %s has mode %o\n", path, info.Mode().Perm())
		}
	}
	return n + count(texts, []string{name})
}

// wantEncrypted looks for a name that is in the backup: with the identity it is
// found, without it is not.
func (b *trial) wantEncrypted(h holder, file, name string) {
	inside, err := h.open(file)
	b.must(err)
	least(b, "inside", inside.standing(name), 1)
	most(b, "readable", b.readable(filepath.Dir(file), name), 0)
}

// wantRestored restores a backup where there is nothing, and holds what is there
// then to the backup, to the ledger and to what the store was that it is of.
func (b *trial) wantRestored(p rig.Program, h holder, made taken) {
	restore := []string{"backup", "restore", made.file, "--identity", h.file}
	q := b.beside()
	b.wantKeyAsked(q, restore)
	b.copyMasterKey(p, q)
	begun := time.Now()
	_, err := q.Must(b, "", restore...)
	b.must(err)
	b.note("restore_took=%s", show(time.Since(begun)))

	second := filepath.Join(b.directory(), "second.age")
	_, err = q.Must(b, "", h.create(second)...)
	b.must(err)
	was, err := h.open(made.file)
	b.must(err)
	is, err := h.open(second)
	b.must(err)
	most(b, "content_differs", b.differing(was, is), 0)
	most(b, "torn", b.unsound(q), 0)
	most(b, "answers_differ", b.answeredOtherwise(p, q), 0)
	lost, twice := b.missing(made.before, b.serve(q).HTTP)
	most(b, "lost", lost, 0)
	most(b, "duplicate", twice, 0)
}

// answeredOtherwise counts commands that tell of the restored store what they
// do not of the other: of keys, and of a secret that the vault opens.
func (b *trial) answeredOtherwise(p, restored rig.Program) (n int) {
	for _, command := range [][]string{{"authorized-keys", "ada"}, {"webhook", "secret", "onboarding"}} {
		want, err := p.Must(b, "", command...)
		b.must(err)
		if got, err := restored.Must(b, "", command...); err != nil || got != want || got == "" {
			n++
			fmt.Printf("   keyrack %v of the restored store = %.200q, %v; want %.200q\n", command, got, err, want)
		}
	}
	return n
}

// beside is a program without a store.
func (b *trial) beside() rig.Program {
	url := ""
	if b.db == "pg" {
		b.must(b.cluster.Exec(b, "postgres", "CREATE DATABASE restored"))
		url = b.cluster.URL("restored")
	}
	return b.programAt(b.directory(), url)
}

// wantKeyAsked restores without the master key: it is asked for, and there is
// no more than before.
func (b *trial) wantKeyAsked(q rig.Program, restore []string) {
	_, said, code := q.Run(b, nil, restore...)
	if code != 4 || !strings.Contains(said, "master key missing") || !strings.Contains(said, filepath.Join(q.Data(), "master.key")) {
		b.fail("restore without the master key = exit code %d: %s", code, said)
	}
	left := len(slices.DeleteFunc(b.entries(q.Data()), func(name string) bool { return name == "serve.lock" })) // which is empty
	if b.db == "pg" {
		tables, err := b.cluster.Number(b, "restored", "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace")
		b.must(err)
		left += int(tables)
	}
	most(b, "left_without_key", left, 0)
}

func (b *trial) copyMasterKey(from, to rig.Program) {
	b.must(os.MkdirAll(to.Data(), 0o700))
	b.must(os.WriteFile(filepath.Join(to.Data(), "master.key"), []byte(b.masterKey(from)), 0o600))
}
