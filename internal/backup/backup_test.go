package backup

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"

	"keyrack/internal/store"
)

// tables are of all kinds: one of several pieces, one of none, all sorts of values.
var tables = []store.Table{
	{Name: "large", Columns: []string{"id", "text"}, LastID: 9},
	{Name: "none", Columns: []string{"id"}},
	{Name: "sorts", Columns: []string{"a", "b", "c", "d"}},
}

func rowsOf(name string) (rows [][]any) {
	switch name {
	case "large":
		for i := range int64(40) {
			rows = append(rows, []any{i, strings.Repeat("x", pieceSize/16)})
		}
	case "sorts":
		rows = [][]any{
			{nil, int64(math.MinInt64), "", []byte{}},
			{math.Inf(-1), int64(math.MaxInt64), "\x00\xff no UTF-8", []byte{0, 255}},
		}
	}
	return rows
}

func identity(t testing.TB) *age.X25519Identity {
	t.Helper()
	i, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// made is a whole backup for an identity.
func made(t testing.TB, to *age.X25519Identity, change func(*Manifest)) []byte {
	t.Helper()
	m := Manifest{ID: "one", Created: time.Unix(1, 0).UTC(), Schema: 12, Tables: tables, Files: []string{"keyset.json"}}
	change(&m)
	var out bytes.Buffer
	w, err := Create(&out, []age.Recipient{to.Recipient()}, m, []File{{"keyset.json", []byte("the keys")}})
	if err != nil {
		t.Fatal(err)
	}
	for range tables {
		err := w.Next(func(table store.Table, put func([]any) error) error {
			for _, row := range rowsOf(table.Name) {
				if err := put(row); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// readAll reads a backup as a restore does.
func readAll(data []byte, with ...age.Identity) (m Manifest, rows map[string][][]any, err error) {
	b, err := Open(bytes.NewReader(data), with)
	if err != nil {
		return m, nil, err
	}
	if string(b.Files["keyset.json"]) != "the keys" {
		return m, nil, fmt.Errorf("files are %q", b.Files)
	}
	rows = map[string][][]any{}
	for _, t := range b.Manifest.Tables {
		for next := b.Rows(t); ; {
			row, more, err := next()
			if err != nil {
				return m, nil, err
			}
			if !more {
				break
			}
			rows[t.Name] = append(rows[t.Name], row)
		}
	}
	return b.Manifest, rows, b.Close()
}

func nothing(*Manifest) {}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	key := identity(t)
	m, rows, err := readAll(made(t, key, nothing), identity(t), key)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(tables, m.Tables); d != "" {
		t.Errorf("tables (-want +got):\n%s", d)
	}
	for _, table := range tables {
		if d := cmp.Diff(rowsOf(table.Name), rows[table.Name]); d != "" {
			t.Errorf("rows of %s (-want +got):\n%s", table.Name, d)
		}
	}
}

func TestOthersCannotOpenIt(t *testing.T) {
	t.Parallel()
	if _, _, err := readAll(made(t, identity(t), nothing), identity(t)); !errors.Is(err, ErrIdentity) {
		t.Errorf("with another identity: %v, want %v", err, ErrIdentity)
	}
}

// places are bytes of each region of a backup: all of age's header and of the
// first entries, both sides of each border of age's chunks, and the end.
func places(data []byte) (list []int) {
	const head, chunk = 2000, 64<<10 + 16
	for at := range len(data) {
		if at < head && at%7 == 0 || (at-head)%chunk < 40 && at%13 == 0 || len(data)-at <= 40 {
			list = append(list, at)
		}
	}
	return list
}

func TestChangedAnywhere(t *testing.T) {
	t.Parallel()
	key := identity(t)
	good := made(t, key, nothing)
	for _, at := range places(good) {
		bad := slices.Clone(good)
		bad[at] ^= 1
		_, _, err := readAll(bad, key)
		if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrIdentity) {
			t.Errorf("byte %d of %d changed: %v, want it refused", at, len(good), err)
		}
	}
}

func TestCutOffAnywhere(t *testing.T) {
	t.Parallel()
	key := identity(t)
	good := made(t, key, nothing)
	for _, at := range places(good) {
		if _, _, err := readAll(good[:at], key); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut off after %d of %d bytes: %v, want it refused", at, len(good), err)
		}
	}
	if _, _, err := readAll(append(slices.Clone(good), 0), key); !errors.Is(err, ErrDamaged) {
		t.Errorf("with a byte more: %v, want it refused", err)
	}
}

func TestNotClosed(t *testing.T) {
	t.Parallel()
	key := identity(t)
	var out bytes.Buffer
	w, err := Create(&out, []age.Recipient{key.Recipient()}, Manifest{Tables: tables}, nil)
	if err != nil {
		t.Fatal(err)
	}
	// As a program that loses its rows but ends its file: age finds nothing wrong.
	if err := errors.Join(w.archive.Close(), w.encrypted.Close()); err != nil {
		t.Fatal(err)
	}
	b, err := Open(&out, []age.Identity{key})
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		if _, more, err := b.Rows(table)(); more || err != nil {
			t.Errorf("rows of %s: %t, %v, want none", table.Name, more, err)
		}
	}
	if err := b.Close(); !errors.Is(err, ErrDamaged) {
		t.Errorf("Close() = %v, want that the end is missed", err)
	}
}

func TestRowsMissing(t *testing.T) {
	t.Parallel()
	key := identity(t)
	b, err := Open(bytes.NewReader(made(t, key, nothing)), []age.Identity{key})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); !errors.Is(err, ErrDamaged) {
		t.Errorf("Close() before the rows = %v, want them missed", err)
	}
}

func TestNewerFormat(t *testing.T) {
	t.Parallel()
	key := identity(t)
	var out bytes.Buffer
	encrypted, err := age.Encrypt(&out, key.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	w := Writer{encrypted: encrypted, archive: tar.NewWriter(encrypted)}
	if err := errors.Join(w.object("manifest.json", Manifest{Format: format + 1}), w.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(&out, []age.Identity{key}); !errors.Is(err, ErrNewer) {
		t.Errorf("Open() = %v, want %v", err, ErrNewer)
	}
}

// FuzzRow reads rows of any bytes: what is read is written as the same values again.
func FuzzRow(f *testing.F) {
	for _, name := range []string{"sorts"} {
		for _, row := range rowsOf(name) {
			b, err := appendRow(nil, row)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
	f.Add([]byte{isText, 255, 255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		row, err := readRow(bytes.NewReader(data), 4)
		if err != nil {
			return
		}
		again, err := appendRow(nil, row)
		if err != nil {
			t.Fatal(err)
		}
		back, err := readRow(bytes.NewReader(again), 4)
		if err != nil || !bytes.Equal(must(appendRow(nil, back)), again) {
			t.Errorf("%v came back as %v, %v", row, back, err)
		}
	})
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}
