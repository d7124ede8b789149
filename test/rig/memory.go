package rig

import (
	"fmt"
	"os"
	"strings"
)

// maxRegion is far above what a process writes in one piece.
const maxRegion = 1 << 30 // bytes

// Memory hands over what a process has in its writable memory, region by
// region, as a core file would have it. Root may look.
func Memory(pid int, look func(region []byte)) error {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return err
	}
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return err
	}
	defer memory.Close()
	for line := range strings.Lines(string(maps)) {
		var from, to uint64
		var mode string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &mode); err != nil {
			return fmt.Errorf("%w in %q", err, line)
		}
		if !strings.HasPrefix(mode, "rw") || to-from > maxRegion || strings.Contains(line, "[v") { // the kernel's own pages
			continue
		}
		region := make([]byte, to-from)
		n, err := memory.ReadAt(region, int64(from)) // #nosec G115 -- below the kernel's half, as it is writable
		if err != nil && n == 0 {
			continue // unmapped since
		}
		look(region[:n])
	}
	return nil
}

// Limit is a resource limit of a process as the kernel tells it, soft and hard.
func Limit(pid int, name string) (string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if values, found := strings.CutPrefix(line, name); found {
			return strings.Join(strings.Fields(values)[:2], " "), nil
		}
	}
	return "", fmt.Errorf("/proc/%d/limits has no %s", pid, name)
}
