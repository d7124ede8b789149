package server

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestWriteFileStaysBeside holds a key that is being written to the directory
// it is for: nothing of it is ever in TMPDIR.
func TestWriteFileStaysBeside(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	long := time.Now().Add(-time.Hour).Truncate(time.Second)
	if err := os.Chtimes(temp, long, long); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key")
	if err := writeFile(path, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if text, err2 := os.ReadFile(path); err != nil || err2 != nil || string(text) != "text" || info.Mode() != fs.FileMode(0o600) {
		t.Errorf("writeFile wrote %q, %v, %v, %v", text, info, err, err2)
	}
	// A file that comes or goes changes the time of its directory.
	if at, err := os.Stat(temp); err != nil || !at.ModTime().Equal(long) {
		t.Errorf("TMPDIR was changed at %v, %v", at.ModTime(), err)
	}
}
