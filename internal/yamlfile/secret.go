package yamlfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"keyrack/internal/vault"
)

// fileSuffix ends the key that names a file where another key would hold its
// content.
const fileSuffix = "_file"

// maxContent bounds such a file: a public key has at most 64 KiB.
const maxContent = 64 << 10

// Path is the path of a file, as the value of a key that ends in "_file".
type Path string

// Secret gives the secret that stands at path, or in the file that the key
// with "_file" behind it names. A file that others can read is warned of.
func (f *File) Secret(path string, inline vault.Secret, file Path) vault.Secret {
	if !f.isElsewhere(path, !inline.IsZero(), file) {
		return inline
	}
	secret, warning, err := ReadSecret(f.Resolve(string(file)))
	f.noteRead(path, err)
	if warning != "" {
		f.Warnf(path+fileSuffix, "%s", warning)
	}
	return secret
}

// Text is Secret for what is no secret.
func (f *File) Text(path, inline string, file Path) string {
	if !f.isElsewhere(path, inline != "", file) {
		return inline
	}
	text, _, err := readContent(f.Resolve(string(file)))
	f.noteRead(path, err)
	return text
}

// isElsewhere tells whether a value is in a file, and refuses one that is in
// both places.
func (f *File) isElsewhere(path string, inline bool, file Path) bool {
	if inline && file != "" {
		f.Problemf(path+fileSuffix, "is given beside %s; give one of them", path[strings.LastIndexByte(path, '.')+1:])
	}
	return !inline && file != ""
}

func (f *File) noteRead(path string, err error) {
	if err != nil {
		f.Problemf(path+fileSuffix, "%v", err)
	}
}

// Resolve gives a path that stands in the file its meaning: it begins where
// the file is.
func (f *File) Resolve(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(f.name), path)
}

// ReadSecret reads a file that holds one secret. The warning is for a file
// that others can read.
func ReadSecret(path string) (secret vault.Secret, warning string, err error) {
	text, mode, err := readContent(path)
	if err != nil {
		return vault.Secret{}, "", err
	}
	if mode.Perm()&0o077 != 0 {
		warning = fmt.Sprintf("%q has mode %04o, which lets others at it; chmod it to 0600", path, mode.Perm())
	}
	return vault.NewSecret(text), warning, nil
}

// readContent reads a small file that holds one value, and tells its mode. The
// newline that editors end files with is not part of the value.
func readContent(path string) (string, fs.FileMode, error) {
	content, mode, err := readRegular(path)
	if err != nil {
		return "", 0, fmt.Errorf("read %q: %w", path, cause(err))
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	switch {
	case len(content) > maxContent:
		return "", 0, fmt.Errorf("%q has more than %d bytes; it should hold one value", path, maxContent)
	case text == "":
		return "", 0, fmt.Errorf("%q is empty; put the value into it", path)
	}
	return text, mode, nil
}

// readRegular reads the first bytes of a regular file. A pipe in its place
// would hold up the opening for ever, but for O_NONBLOCK.
func readRegular(path string) ([]byte, fs.FileMode, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, errIrregular
	}
	content, err := io.ReadAll(io.LimitReader(f, maxContent+1))
	return content, info.Mode(), err
}

var errIrregular = errors.New("not a regular file; put the value into one")

// cause is the error without the path, which would stand there twice and, once,
// unquoted.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
