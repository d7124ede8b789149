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

// Process is a command that was begun.
type Process struct {
	PID int `json:"pid"`

	cmd  *exec.Cmd
	log  *tail
	done chan struct{} // closed when it has ended
}

// Begin starts a command and waits for nothing.
func (p Program) Begin(args ...string) (*Process, error) {
	c := &Process{cmd: p.command(context.Background(), args...), log: &tail{}, done: make(chan struct{})}
	c.cmd.Stdout, c.cmd.Stderr = c.log, c.log
	// Whatever becomes of this program, it leaves none behind.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	c.PID = c.cmd.Process.Pid
	go func() {
		_ = c.cmd.Wait() // the state says how it ended
		close(c.done)
	}()
	return c, nil
}

// Server is a running `keyrack serve`.
type Server struct {
	*Process
	HTTP string `json:"http"` // host:port
	SSH  string `json:"ssh"`

	Started time.Duration // from the start to the moment both ports are open
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
	c, err := p.Begin(append(flags, args...)...)
	if err != nil {
		return nil, err
	}
	return &Server{Process: c}, nil
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

// Kill ends the process without notice.
func (c *Process) Kill() {
	_ = c.cmd.Process.Kill() // it may have ended
	<-c.done
}

// Signal sends a signal.
func (c *Process) Signal(sig os.Signal) error { return c.cmd.Process.Signal(sig) }

// Done is closed when it has ended.
func (c *Process) Done() <-chan struct{} { return c.done }

// Stop asks the process to end, insists after a while, and gives the exit code.
func (c *Process) Stop() int {
	_ = c.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-c.done:
	case <-time.After(40 * time.Second):
		c.Kill()
	}
	return c.ExitCode()
}

// ExitCode is that of a process that has ended; -1 where a signal ended it.
func (c *Process) ExitCode() int {
	<-c.done
	return c.cmd.ProcessState.ExitCode()
}

// Log is the end of what the process wrote.
func (c *Process) Log() string { return c.log.String() }

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
