package backup

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"filippo.io/age"

	"keyrack/internal/store"
)

// format is the newest form of the archive that this program writes and knows.
const format = 1

// pieceSize is how many bytes of rows stand together: what is held in memory.
const pieceSize = 1 << 20

// Manifest tells what a backup is of.
type Manifest struct {
	Format  int           `json:"format"`
	ID      string        `json:"id"`      // of this backup alone
	Created time.Time     `json:"created"` // the moment of which it is
	Program string        `json:"program"` // its version
	Store   string        `json:"store"`   // sqlite or postgres
	Schema  int64         `json:"schema"`  // the version of it
	VaultID string        `json:"vault_id,omitempty"`
	Tables  []store.Table `json:"tables"`
	Files   []string      `json:"files"`
}

// File is one that stands beside the database.
type File struct {
	Name string
	Data []byte
}

// Writer writes a backup: the rows of each table of its manifest, in that order,
// then Close.
type Writer struct {
	encrypted io.WriteCloser
	archive   *tar.Writer
	created   time.Time
	tables    []store.Table // those still to come
	end       end
}

// end closes the archive: a backup without it is not whole.
type end struct {
	Rows map[string]int64 `json:"rows"` // by table
}

// Create begins a backup in w that the recipients can open. Its files are those
// that the manifest names, in that order.
func Create(w io.Writer, to []age.Recipient, m Manifest, files []File) (*Writer, error) {
	encrypted, err := age.Encrypt(w, to...)
	if err != nil {
		return nil, fmt.Errorf("encrypt backup: %w", err)
	}
	b := &Writer{
		encrypted: encrypted, archive: tar.NewWriter(encrypted), created: m.Created, tables: m.Tables,
		end: end{Rows: map[string]int64{}},
	}
	m.Format = format
	if err := b.object("manifest.json", m); err != nil {
		return nil, err
	}
	for _, f := range files {
		if err := b.entry("files/"+f.Name, f.Data); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (w *Writer) object(name string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return w.entry(name, text)
}

func (w *Writer) entry(name string, data []byte) error {
	header := &tar.Header{Name: name, Mode: 0o600, Size: int64(len(data)), ModTime: w.created}
	if err := w.archive.WriteHeader(header); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if _, err := w.archive.Write(data); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// Next takes the rows of the next table: rows hands them to put one by one.
func (w *Writer) Next(rows func(t store.Table, put func(values []any) error) error) error {
	t := w.tables[0]
	w.tables = w.tables[1:]
	piece := make([]byte, 0, pieceSize+pieceSize/4)
	flush := func() error {
		err := w.entry("rows/"+t.Name, piece)
		piece = piece[:0]
		return err
	}
	w.end.Rows[t.Name] = 0
	err := rows(t, func(values []any) (err error) {
		w.end.Rows[t.Name]++
		if piece, err = appendRow(piece, values); err != nil || len(piece) < pieceSize {
			return err
		}
		return flush()
	})
	if err != nil {
		return fmt.Errorf("write rows of %s: %w", t.Name, err)
	}
	return flush() // also of none: every table has a last piece
}

// Close ends the backup. Without it the file cannot be taken for a whole one.
func (w *Writer) Close() error {
	err := w.object("end.json", w.end)
	return errors.Join(err, w.archive.Close(), w.encrypted.Close())
}

// Rows counts all rows written so far.
func (w *Writer) Rows() (n int64) { return w.end.count() }

func (e end) count() (n int64) {
	for _, rows := range e.Rows {
		n += rows
	}
	return n
}
