package backup

import (
	"archive/tar"
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"

	"filippo.io/age"

	"keyrack/internal/store"
)

// What can be wrong with a backup.
var (
	ErrIdentity = errors.New("none of the identities opens the backup")
	ErrDamaged  = errors.New("the backup is damaged or cut off")
	ErrNone     = errors.New("it is no backup")
	ErrNewer    = errors.New("the backup was made by a newer program")
)

// largestFile is far above what any file beside the database is.
const largestFile = 4 << 20

// Reader reads a backup: the rows of each table in turn, then Close, which
// alone tells that it was whole.
type Reader struct {
	Manifest Manifest
	Files    map[string][]byte

	stream  io.Reader // what age gives
	archive *tar.Reader
	header  *tar.Header // of the entry that comes next
	read    end
}

// Open reads what comes before the rows.
func Open(r io.Reader, with []age.Identity) (*Reader, error) {
	stream, err := age.Decrypt(r, with...)
	if _, wrong := errors.AsType[*age.NoIdentityMatchError](err); wrong {
		return nil, ErrIdentity
	}
	if err != nil {
		// Of a file that has been changed age cannot tell whether it ever was one.
		return nil, fmt.Errorf("%w, or %w: %w", ErrNone, ErrDamaged, err)
	}
	b := &Reader{Files: map[string][]byte{}, stream: stream, archive: tar.NewReader(stream), read: end{Rows: map[string]int64{}}}
	if err := b.open(); err != nil {
		return nil, err
	}
	return b, nil
}

func (r *Reader) open() error {
	if err := r.advance(); err != nil {
		return err
	}
	if err := r.object("manifest.json", &r.Manifest); err != nil {
		return err
	}
	if r.Manifest.Format > format {
		return fmt.Errorf("%w: it has format %d, this one knows up to %d", ErrNewer, r.Manifest.Format, format)
	}
	for _, name := range r.Manifest.Files {
		data, err := r.entry("files/" + name)
		if err != nil {
			return err
		}
		r.Files[name] = data
	}
	return nil
}

// advance goes to the next entry; after the last there is none.
func (r *Reader) advance() error {
	var err error
	r.header, err = r.archive.Next()
	if errors.Is(err, io.EOF) {
		r.header, err = &tar.Header{}, nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}

// entry reads a small entry, which must be the next, and goes to the one after it.
func (r *Reader) entry(name string) ([]byte, error) {
	if r.header.Name != name || r.header.Size > largestFile {
		return nil, fmt.Errorf("%w: %q stands where %q should, with %d bytes", ErrDamaged, r.header.Name, name, r.header.Size)
	}
	data, err := io.ReadAll(r.archive)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return data, r.advance()
}

func (r *Reader) object(name string, into any) error {
	text, err := r.entry(name)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrDamaged, name, err)
	}
	return nil
}

// Rows gives the function that gives a table's rows, one by one, and false
// after the last. Tables come in the order of the manifest.
func (r *Reader) Rows(t store.Table) func() (values []any, more bool, err error) {
	r.read.Rows[t.Name] = 0
	piece := bufio.NewReader(r.archive)
	return func() ([]any, bool, error) {
		for r.header.Name == "rows/"+t.Name {
			values, err := readRow(piece, len(t.Columns))
			if err == nil {
				r.read.Rows[t.Name]++
				return values, true, nil
			}
			if !errors.Is(err, io.EOF) {
				return nil, false, fmt.Errorf("%w: rows of %s: %w", ErrDamaged, t.Name, err)
			}
			if err := r.advance(); err != nil {
				return nil, false, err
			}
			piece.Reset(r.archive)
		}
		return nil, false, nil
	}
}

// Close holds what was read against what was written, up to the last byte.
func (r *Reader) Close() error {
	var wrote end
	if err := r.object("end.json", &wrote); err != nil {
		return err
	}
	if !maps.Equal(wrote.Rows, r.read.Rows) {
		return fmt.Errorf("%w: rows read %v, written %v", ErrDamaged, r.read.Rows, wrote.Rows)
	}
	// Age knows that the file is whole once it has given its last byte.
	if _, err := io.Copy(io.Discard, r.stream); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}

// Count tells how many rows were read so far.
func (r *Reader) Count() int64 { return r.read.count() }
