package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// TestDurableBeforeAnswered watches the system calls of a server: between the
// last write to the journal of its database and the answer that a session was
// made there is a sync of that journal. It stands in for a power cut, which
// takes what was not synced.
func TestDurableBeforeAnswered(t *testing.T) {
	t.Parallel()
	p := newProgram(t, "")
	p.must(onlyWorld, "apply", "-f", "-")
	s := p.serve()
	calls := s.trace(t)
	const writes = 20
	for i := range writes {
		status, reply, err := s.ask(t.Context(), http.MethodPost, "", fmt.Sprintf(`{"external_id": "%d"}`, i))
		if err != nil || status != http.StatusCreated {
			t.Fatalf("POST = %d, %s, %v", status, reply, err)
		}
	}
	answered := judge(t, calls())
	if answered != writes {
		t.Errorf("saw %d answers, want %d", answered, writes)
	}
}

// trace follows the system calls of the server until calls is called, which
// gives them, a line each.
func (s *server) trace(t *testing.T) (calls func() []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "strace", "-f", "-y", "-s", "16", "-p", fmt.Sprint(s.Process.Pid),
		"-e", "trace=pwrite64,fsync,fdatasync,write")
	messages, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	scanner := bufio.NewScanner(messages)
	if !scanner.Scan() || !strings.Contains(scanner.Text(), "attached") {
		_ = cmd.Wait()
		lacking(t, "ptrace: "+scanner.Text())
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
	t.Cleanup(detach)
	return func() []string {
		detach()
		return lines
	}
}

// lacking skips a test that this machine lets nobody run. Where all must run it fails.
func lacking(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("REQUIRE_ALL") != "" {
		t.Fatalf("not here: %s", what)
	}
	t.Skipf("not here: %s", what)
}

var (
	journalWrite = regexp.MustCompile(`^(?:\[pid +(\d+)\] )?pwrite64\(\d+<[^>]*-wal>`)
	journalSync  = regexp.MustCompile(`^(?:\[pid +(\d+)\] )?(?:fsync|fdatasync)\(\d+<[^>]*-wal>(.*)$`)
	syncEnd      = regexp.MustCompile(`^(?:\[pid +(\d+)\] )?<\.\.\. (?:fsync|fdatasync) resumed>.*= 0`)
	answer       = regexp.MustCompile(`^(?:\[pid +\d+\] )?write\(\d+<[^>]*>, "HTTP/1\.1 201`)
)

// judge counts the answers and finds those that came too early.
func judge(t *testing.T, calls []string) (answered int) {
	t.Helper()
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
				t.Errorf("answer %d: wrote %t, synced %t", answered, wrote, synced)
			}
			wrote, synced = false, false
		}
	}
	return answered
}
