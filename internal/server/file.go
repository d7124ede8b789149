package server

import (
	"io/fs"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// writeFile puts a file in its place, whole or not at all.
func writeFile(path string, data []byte, mode fs.FileMode) error {
	return renameio.WriteFile(path, data, mode, beside(path))
}

// beside has a file written in the directory it is for. By itself renameio would
// take TMPDIR where that is on the same file system: what a crash leaves would lie
// where nobody looks for it, and may be a key.
func beside(path string) renameio.Option { return renameio.WithTempDir(filepath.Dir(path)) }
