package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"keyrack/internal/transit/transittest"
)

// patience bounds every wait for something that should happen soon.
const patience = 60 * time.Second

func currentUser() string {
	u, err := user.Current()
	if err != nil {
		panic(err)
	}
	return u.Username
}

// world is what runs beside a script.
type world struct {
	t      testing.TB
	procs  map[string]*process
	engine *transittest.Server // nil where the script starts none
}

type worldKey struct{}

func newWorld(t testing.TB) *world { return &world{t: t, procs: map[string]*process{}} }

// end ends all that still runs.
func (w *world) end() {
	for name, p := range w.procs {
		p.stop()
		if strings.Contains(p.err.String(), "DATA RACE") {
			w.t.Errorf("%s: %s", name, p.err)
		}
	}
}

// transcript takes what a process writes, and wakes those who wait for it.
type transcript struct {
	mu   sync.Mutex // guards what follows
	text bytes.Buffer
	more chan struct{} // closed at the next write
}

func newTranscript() *transcript { return &transcript{more: make(chan struct{})} }

// Write takes text.
func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.more)
	t.more = make(chan struct{})
	return t.text.Write(p)
}

func (t *transcript) read() (text string, more <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String(), t.more
}

// String gives all that was written so far.
func (t *transcript) String() string {
	text, _ := t.read()
	return text
}

// process is a program that runs beside a test, or a family of them.
type process struct {
	*exec.Cmd // nil for a family
	out, err  *transcript
	done      chan struct{} // closed when it has ended
	stop      func()        // ends it
}

func newProcess() *process {
	return &process{out: newTranscript(), err: newTranscript(), done: make(chan struct{})}
}

// start runs a command and gives it back as a process.
func start(cmd *exec.Cmd) (*process, error) {
	p := newProcess()
	p.Cmd, p.stop = cmd, p.terminate
	cmd.Stdout, cmd.Stderr = p.out, p.err
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = cmd.Wait() // the state says how it ended
		close(p.done)
	}()
	return p, nil
}

// terminate asks the process to end, and insists.
func (p *process) terminate() {
	_ = p.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.done:
	case <-time.After(patience / 2):
		_ = p.Process.Kill()
		<-p.done
	}
}

var errPatience = errors.New("nothing happens")

// ended waits for the end and tells how it came: as the exit code, or as the
// name of the signal.
func (p *process) ended() (string, error) {
	select {
	case <-p.done:
	case <-time.After(patience):
		return "", errPatience
	}
	status, ok := p.ProcessState.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() {
		return status.Signal().String(), nil
	}
	return fmt.Sprint(p.ProcessState.ExitCode()), nil
}

// await waits until the process has written, to out or err, what the pattern
// matches; it gives the match and its groups.
func (p *process) await(pattern *regexp.Regexp) ([]string, error) {
	late := time.After(patience)
	for {
		out, moreOut := p.out.read()
		err, moreErr := p.err.read()
		if m := pattern.FindStringSubmatch(out + err); m != nil {
			return m, nil
		}
		select {
		case <-moreOut:
		case <-moreErr:
		case <-p.done:
			if m := pattern.FindStringSubmatch(p.out.String() + p.err.String()); m != nil {
				return m, nil
			}
			return nil, errors.New("it has ended")
		case <-late:
			return nil, errPatience
		}
	}
}

// awaitFile waits for a file that is put in its place whole. Nothing tells of
// that, so it looks again and again.
func (p *process) awaitFile(path string) ([]byte, error) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for {
		text, err := os.ReadFile(path)
		if err == nil {
			return text, nil
		}
		select {
		case <-tick.C:
		case <-p.done:
			return nil, fmt.Errorf("it has ended: %s", p.err)
		case <-late:
			return nil, errPatience
		}
	}
}
