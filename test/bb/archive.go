package main

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"filippo.io/age"
)

// holder is who can open backups.
type holder struct {
	identity *age.X25519Identity
	file     string // with the identity
}

func (b *trial) newHolder() holder {
	identity, err := age.GenerateX25519Identity()
	b.must(err)
	h := holder{identity, filepath.Join(b.directory(), "identity")}
	b.must(os.WriteFile(h.file, []byte(identity.String()+"\n"), 0o600))
	return h
}

// create is the command that makes a backup for the holder.
func (h holder) create(file string) []string {
	return []string{"backup", "create", file, "--recipient", h.identity.Recipient().String()}
}

// archive is what is in a backup, by name, with the pieces of a table's rows
// joined. It is read as anybody could, by age and tar.
type archive map[string][]byte

var errNoEnd = errors.New("the archive has no end")

// open decrypts a backup, which has to be whole.
func (h holder) open(file string) (archive, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	plain, err := age.Decrypt(f, h.identity)
	if err != nil {
		return nil, err
	}
	found := archive{}
	entries := tar.NewReader(plain)
	for header, err := entries.Next(); !errors.Is(err, io.EOF); header, err = entries.Next() {
		if err != nil {
			return nil, err
		}
		piece, err := io.ReadAll(entries)
		if err != nil {
			return nil, err
		}
		found[header.Name] = append(found[header.Name], piece...)
	}
	if found["end.json"] == nil {
		return nil, errNoEnd
	}
	_, err = io.Copy(io.Discard, plain) // age tells at its end whether all was there
	return found, err
}

// standing tells how many secrets stand in what is in a backup.
func (a archive) standing(secrets ...string) (n int) {
	for _, text := range a {
		n += standing(text, secrets)
	}
	return n
}

// content is what backups of equal stores have in common.
type content struct {
	schema any                 // and what it is of
	counts map[string]int      // of rows, by table, as the end tells them
	rows   map[string][][]byte // as they are written, sorted: PostgreSQL has no order of its own
	files  map[string]string
}

func (a archive) content() (c content, err error) {
	var manifest struct {
		Store  string
		Schema int
		Tables []struct {
			Name    string
			Columns []string
			LastID  int64 `json:"last_id"`
		}
		Files []string
	}
	var end struct{ Rows map[string]int }
	if err := errors.Join(json.Unmarshal(a["manifest.json"], &manifest), json.Unmarshal(a["end.json"], &end)); err != nil {
		return c, err
	}
	c = content{schema: manifest, counts: end.Rows, rows: map[string][][]byte{}, files: map[string]string{}}
	for _, t := range manifest.Tables {
		if c.rows[t.Name], err = split(a["rows/"+t.Name], len(t.Columns)); err != nil {
			return c, fmt.Errorf("rows of %s: %w", t.Name, err)
		}
	}
	for _, name := range manifest.Files {
		c.files[name] = string(a["files/"+name])
	}
	return c, nil
}

// split gives the rows of a table, each of so many values, sorted.
func split(text []byte, columns int) (rows [][]byte, err error) {
	for len(text) > 0 {
		size := 0
		for range columns {
			n := valueSize(text[size:])
			if n <= 0 || size+n > len(text) {
				return nil, fmt.Errorf("row %d is cut off", len(rows))
			}
			size += n
		}
		rows, text = append(rows, text[:size]), text[size:]
	}
	slices.SortFunc(rows, bytes.Compare)
	return rows, nil
}

// valueSize is how many bytes the first value takes; 0 where it makes no sense.
// Each begins with what it is: nothing, a varint, text or bytes after their
// length, or a number of 8 bytes.
func valueSize(text []byte) int {
	if len(text) == 0 {
		return 0
	}
	switch kind := text[0]; kind {
	case 0:
		return 1
	case 1:
		_, n := binary.Varint(text[1:])
		return 1 + n
	case 2, 3:
		length, n := binary.Uvarint(text[1:])
		return 1 + n + int(length) // #nosec G115 -- the caller compares it with what there is
	case 4:
		return 9
	}
	return 0
}

// differing tells in how many parts two backups differ: in the rows of a table,
// in how many there are, in a file or in the schema.
func (b *trial) differing(one, other archive) (n int) {
	x, err := one.content()
	b.must(err)
	y, err := other.content()
	b.must(err)
	differ := func(what string, equal bool) {
		if !equal {
			n++
			fmt.Printf("   %s differs\n", what)
		}
	}
	differ("the schema", reflect.DeepEqual(x.schema, y.schema))
	differ("a count", maps.Equal(x.counts, y.counts))
	differ("a file", maps.Equal(x.files, y.files) && len(x.files) > 0)
	for table, rows := range x.rows {
		differ(table, slices.EqualFunc(rows, y.rows[table], bytes.Equal) && len(rows) == x.counts[table])
	}
	return n
}
