package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"keyrack/test/rig"
)

// trace has strace follow the server until end is called, which gives the
// lines it has written.
func (b *trial) trace(s *rig.Server, what ...string) (end func() []string) {
	args := append([]string{"-f", "-y", "-s", "16", "-p", fmt.Sprint(s.PID)}, what...)
	cmd := exec.CommandContext(b, "strace", args...)
	messages, err := cmd.StderrPipe()
	b.must(err)
	b.must(cmd.Start())
	scanner := bufio.NewScanner(messages)
	if !scanner.Scan() || !strings.Contains(scanner.Text(), "attached") {
		_ = cmd.Wait()
		b.fail("strace: %s", scanner.Text())
	}
	var lines []string
	read := make(chan struct{})
	go func() {
		defer close(read)
		for scanner.Scan() {
			lines = append(lines, scanner.Text())
		}
	}()
	detach := sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		<-read
		_ = cmd.Wait()
	})
	b.later(detach)
	return func() []string {
		detach()
		return lines
	}
}

var (
	journalWrite = regexp.MustCompile(`^(?:\[pid +(\d+)\] )?pwrite64\(\d+<[^>]*-wal>`)
	journalSync  = regexp.MustCompile(`^(?:\[pid +(\d+)\] )?(?:fsync|fdatasync)\(\d+<[^>]*-wal>(.*)$`)
	syncEnd      = regexp.MustCompile(`^(?:\[pid +(\d+)\] )?<\.\.\. (?:fsync|fdatasync) resumed>.*= 0`)
	answer       = regexp.MustCompile(`^(?:\[pid +\d+\] )?write\(\d+<[^>]*>, "HTTP/1\.1 201`)
)

// judge counts the answers, and those among them before which the journal was
// not synced after the last write to it.
func judge(calls []string) (answered, early int) {
	wrote, synced := false, false
	syncing := map[string]bool{} // by thread: begun after the last write
	for _, call := range calls {
		switch {
		case journalWrite.MatchString(call):
			wrote, synced = true, false
			clear(syncing)
		case journalSync.MatchString(call):
			m := journalSync.FindStringSubmatch(call)
			synced = synced || strings.HasSuffix(m[2], "= 0")
			syncing[m[1]] = true
		case syncEnd.MatchString(call):
			synced = synced || syncing[syncEnd.FindStringSubmatch(call)[1]]
		case answer.MatchString(call):
			answered++
			if !wrote || !synced {
				early++
			}
			wrote, synced = false, false
		}
	}
	return answered, early
}

// syncedFirst is F2. It stands in for a power cut, which takes what was not
// synced. PostgreSQL's own count tells there: the cluster would commit without
// a sync if it were not told otherwise.
func syncedFirst(b *trial) {
	const writes = 200
	p := b.peopled()
	s := b.serve(p)
	end := func() []string { return nil }
	syncs := func() int64 { return 0 }
	if b.db == "sqlite" {
		end = b.trace(s, "-e", "trace=pwrite64,fsync,fdatasync,write")
	} else {
		syncs = func() int64 {
			n, err := b.cluster.Number(b, "keyrack", "SELECT wal_sync FROM pg_stat_wal")
			b.must(err)
			return n
		}
	}
	before := syncs()
	for i := range writes {
		if r := ask(b, patient, s.HTTP, newSession("", fmt.Sprintf(`{"external_id": "%d"}`, i))); r.status != http.StatusCreated {
			b.fail("POST = %v", r)
		}
	}
	if b.db == "sqlite" {
		answered, early := judge(end())
		least(b, "answers", answered, writes)
		most(b, "unsynced", early, 0)
		return
	}
	// The counts of a connection are reported once it is idle; ending the server ends it.
	s.Stop()
	least(b, "syncs", syncs()-before, writes)
}

// syncFails is F3.
func syncFails(b *trial) {
	p := b.peopled()
	s := b.serve(p)
	l := b.newLedger()
	for range 20 {
		l.write(b, patient, s.HTTP)
	}
	before := l.count("ack")
	end := b.trace(s, "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO")
	var failed []string
	accepted, badly := 0, 0
	for range 10 {
		id := fmt.Sprintf("session-%d", serial.Add(1))
		switch r := l.send(b, patient, s.HTTP, id); {
		case r.status == http.StatusCreated:
			accepted++
		case !r.refusedWell():
			badly++
		default:
			failed = append(failed, id)
		}
	}
	unready := ask(b, patient, s.HTTP, call{method: http.MethodGet, path: "/readyz"})
	end()
	least(b, "acked_before", before, 20)
	most(b, "accepted", accepted, 0)
	most(b, "refused_badly", badly, 0)
	least(b, "readyz", unready.status, http.StatusServiceUnavailable)
	most(b, "ready_again", b.answers(s.HTTP, "/readyz", 10*time.Second), 5*time.Second)
	// Killed and started again, nothing is there that was refused.
	s.Kill()
	s = b.serve(p)
	there := makers[0].all(b, s.HTTP)
	phantoms := 0
	for _, id := range failed {
		phantoms += there[id]
	}
	most(b, "refused_and_there", phantoms, 0)
	b.audit(l, s.HTTP)
	most(b, "torn", b.unsound(p), 0)
}
