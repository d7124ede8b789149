package rig

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Program is keyrack on one store.
type Program struct {
	Bin  string
	Dir  string // for its files; the data directory is below it
	URL  string // of PostgreSQL; empty: SQLite
	Args []string
}

// Data is the data directory.
func (p Program) Data() string { return filepath.Join(p.Dir, "data") }

// command bounds nothing: whoever starts a command ends it.
func (p Program) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.Bin, args...)
	cmd.Dir = p.Dir
	cmd.Env = append(os.Environ(), "KEYRACK_DATA_DIR="+p.Data(), "KEYRACK_DATABASE_URL="+p.URL, "NO_COLOR=1")
	return cmd
}

// Run runs a command with the given standard input.
func (p Program) Run(ctx context.Context, stdin io.Reader, args ...string) (stdout, stderr string, code int) {
	var out, problems bytes.Buffer
	cmd := p.command(ctx, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &out, &problems
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		return "", err.Error(), -1
	}
	return out.String(), problems.String(), cmd.ProcessState.ExitCode()
}

// Must runs a command that has to succeed and gives what it printed.
func (p Program) Must(ctx context.Context, stdin string, args ...string) (string, error) {
	out, problems, code := p.Run(ctx, strings.NewReader(stdin), args...)
	if code != 0 {
		return out, fmt.Errorf("keyrack %s = exit code %d: %s", strings.Join(args, " "), code, problems)
	}
	return out, nil
}

// Spent is what a command took.
type Spent struct {
	Took, CPU time.Duration
	PeakRSS   int64 // bytes; looked at often, so that a moment may be missing
	PeakAnon  int64 // likewise, without mapped files
}

// Spend runs a command that has to succeed and tells what it took.
func (p Program) Spend(ctx context.Context, stdin string, args ...string) (s Spent, err error) {
	var problems bytes.Buffer
	cmd := p.command(ctx, args...)
	cmd.Stdin, cmd.Stderr = strings.NewReader(stdin), &problems
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return s, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			s.Took, s.CPU = time.Since(begun), cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()
			if err != nil {
				err = fmt.Errorf("keyrack %s: %w: %s", strings.Join(args, " "), err, problems.String())
			}
			return s, err
		case <-tick.C:
			s.look(cmd.Process.Pid)
		}
	}
}

// look keeps the most memory that was seen. A process that has ended has none.
func (s *Spent) look(pid int) {
	rss, _ := PeakRSS(pid)
	anon, _ := AnonRSS(pid)
	s.PeakRSS, s.PeakAnon = max(s.PeakRSS, rss), max(s.PeakAnon, anon)
}

// Server is a running `keyrack serve`.
type Server struct {
	HTTP string `json:"http"` // host:port
	SSH  string `json:"ssh"`
	PID  int    `json:"pid"`

	Started time.Duration // from the start to the moment both ports are open
	cmd     *exec.Cmd
	log     *tail
	done    chan struct{} // closed when it has ended
}

// startLimit is more than any start takes; a migration of a large store included.
const startLimit = 2 * time.Minute

// Serve starts the server and waits until it listens. The program's own
// arguments come before those given.
func (p Program) Serve(args ...string) (*Server, error) {
	s, err := p.Launch(args...)
	if err != nil {
		return nil, err
	}
	if err := s.await(filepath.Join(p.Dir, "ready"), startLimit); err != nil {
		s.Kill()
		return nil, fmt.Errorf("serve: %w: %s", err, s.Log())
	}
	return s, nil
}

// Launch starts the server and waits for nothing.
func (p Program) Launch(args ...string) (*Server, error) {
	ready := filepath.Join(p.Dir, "ready")
	_ = os.Remove(ready) // of an earlier run
	flags := append([]string{"serve", "--http-addr", "127.0.0.1:0", "--ssh-addr", "127.0.0.1:0", "--ready-file", ready}, p.Args...)
	s := &Server{cmd: p.command(context.Background(), append(flags, args...)...), log: &tail{}, done: make(chan struct{})}
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	// Whatever becomes of this program, it leaves no server behind.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.PID = s.cmd.Process.Pid
	go func() {
		_ = s.cmd.Wait() // the state says how it ended
		close(s.done)
	}()
	return s, nil
}

// await waits for the file that tells the ports. It is put in its place whole.
func (s *Server) await(ready string, limit time.Duration) error {
	begun := time.Now()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		text, err := os.ReadFile(ready)
		if err == nil {
			s.Started = time.Since(begun)
			return json.Unmarshal(text, s)
		}
		select {
		case <-s.done:
			return errors.New("it has ended")
		case <-tick.C:
		}
		if time.Since(begun) > limit {
			return errors.New("nothing happens")
		}
	}
}

// Kill ends the server without notice.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill() // it may have ended
	<-s.done
}

// Signal sends a signal.
func (s *Server) Signal(sig os.Signal) error { return s.cmd.Process.Signal(sig) }

// Done is closed when the server has ended.
func (s *Server) Done() <-chan struct{} { return s.done }

// Stop asks the server to end, insists after a while, and gives the exit code.
func (s *Server) Stop() int {
	_ = s.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-s.done:
	case <-time.After(40 * time.Second):
		s.Kill()
	}
	return s.ExitCode()
}

// ExitCode is that of a server that has ended; -1 where a signal ended it.
func (s *Server) ExitCode() int {
	<-s.done
	return s.cmd.ProcessState.ExitCode()
}

// Log is the end of what the server wrote.
func (s *Server) Log() string { return s.log.String() }

// tail keeps the last part of what is written to it.
type tail struct {
	mu   sync.Mutex // guards text
	text []byte
}

const tailSize = 256 << 10

// Write takes text.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if len(t.text) > 2*tailSize {
		t.text = append([]byte(nil), t.text[len(t.text)-tailSize:]...)
	}
	return len(p), nil
}

// String gives what was kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
