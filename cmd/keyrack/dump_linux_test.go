package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"testing"

	"golang.org/x/sys/unix"
)

func init() { programs["show-dumpable"] = showDumpable }

// showDumpable is a program that begins as keyrack does, and tells how it is kept.
func showDumpable() {
	if err := keepMemory(); err != nil {
		fmt.Println(err)
	}
	dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	limits, _ := os.ReadFile("/proc/self/limits") // whose absence shows below
	fmt.Printf("dumpable %d %v\n%s", dumpable, err, limits)
	fds, err := os.ReadDir("/proc/self/fd") // which the metrics count
	fmt.Printf("sees its descriptors: %t %v\n", len(fds) > 0, err)
}

func TestMemoryIsKept(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("show-dumpable")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), program).Output()
	if err != nil {
		t.Fatal(err)
	}
	noCore := regexp.MustCompile(`(?m)^Max core file size +0 +0 `)
	if !bytes.Contains(out, []byte("dumpable 0 <nil>\n")) || !noCore.Match(out) || !bytes.Contains(out, []byte("sees its descriptors: true <nil>\n")) {
		t.Errorf("the program is kept like this:\n%s", out)
	}
}
