package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// floor is this program as the floor, in a process of its own.
type floor struct {
	cmd          *exec.Cmd
	address, ssh string
}

func startFloor(store string) (*floor, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	f := &floor{cmd: exec.Command(self, "--floor", store)} //nolint:noctx // ourselves; stop ends it
	f.cmd.Stderr = os.Stderr
	f.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := f.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := f.cmd.Start(); err != nil {
		return nil, err
	}
	if _, err := fmt.Fscanln(out, &f.address, &f.ssh); err != nil {
		f.stop()
		return nil, fmt.Errorf("start the floor: %w", err)
	}
	return f, nil
}

func (f *floor) stop() {
	_ = f.cmd.Process.Kill()
	_ = f.cmd.Wait()
}
