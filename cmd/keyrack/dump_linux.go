package main

import "golang.org/x/sys/unix"

// keepMemory keeps what is in memory, secrets too, from being written to a core
// file or read by another process of the same user: no core file of any size,
// and not dumpable, which counts for programs that the system hands cores to
// and for debuggers as well. Root can read it still.
func keepMemory() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return err
	}
	return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}
