package store

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	bundialect "github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/schema"

	"keyrack/internal/sshkey"
)

// The types of columns that are more than a number, a text or some bytes.
// Reading one checks it, so that the conversion of a row to its domain type
// cannot fail.

// instant is a time: timestamptz on PostgreSQL, on SQLite an integer of
// microseconds since 1970, which sorts and loses nothing.
type instant struct{ time.Time }

// AppendQuery writes the literal of the dialect.
func (t instant) AppendQuery(gen schema.QueryGen, b []byte) ([]byte, error) {
	if gen.Dialect().Name() == bundialect.SQLite {
		return strconv.AppendInt(b, t.UnixMicro(), 10), nil
	}
	return gen.Dialect().AppendTime(b, t.Time), nil
}

// Scan reads either form; NULL is the zero time.
func (t *instant) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		t.Time = time.Time{}
	case int64:
		t.Time = time.UnixMicro(v).UTC()
	case time.Time:
		t.Time = v.UTC()
	default:
		return unreadable("time", src)
	}
	return nil
}

// uid is a UUID: uuid on PostgreSQL, on SQLite its 16 bytes.
type uid uuid.UUID

// AppendQuery writes the literal of the dialect.
func (u uid) AppendQuery(gen schema.QueryGen, b []byte) ([]byte, error) {
	if gen.Dialect().Name() == bundialect.SQLite {
		return gen.Dialect().AppendBytes(b, u[:]), nil
	}
	return gen.Dialect().AppendString(b, uuid.UUID(u).String()), nil
}

// Scan reads either form; NULL is the zero UUID.
func (u *uid) Scan(src any) error {
	*u = uid{}
	return (*uuid.UUID)(u).Scan(src)
}

// ip is an IP address, the empty text for none.
type ip struct{ netip.Addr }

// Value gives the text.
func (a ip) Value() (driver.Value, error) {
	if !a.IsValid() {
		return "", nil
	}
	return a.String(), nil
}

// Scan reads the text.
func (a *ip) Scan(src any) error {
	text, ok := src.(string)
	if !ok {
		return unreadable("address", src)
	}
	a.Addr = netip.Addr{}
	if text == "" {
		return nil
	}
	var err error
	a.Addr, err = netip.ParseAddr(text)
	return err
}

// wire is a public key in its wire form.
type wire struct{ sshkey.PublicKey }

// Value gives the bytes.
func (w wire) Value() (driver.Value, error) { return w.Blob(), nil }

// Scan reads the bytes.
func (w *wire) Scan(src any) error {
	blob, ok := src.([]byte)
	if !ok {
		return unreadable("public key", src)
	}
	var err error
	w.PublicKey, err = sshkey.Stored(blob)
	return err
}

// digest is a SHA-256 sum; NULL is the zero one.
type digest [32]byte

// Value gives the bytes.
func (d digest) Value() (driver.Value, error) { return d[:], nil }

// Scan reads the bytes.
func (d *digest) Scan(src any) error {
	sum, ok := src.([]byte)
	if !ok && src != nil || ok && len(sum) != len(d) {
		return unreadable("digest", src)
	}
	*d = digest{}
	copy(d[:], sum)
	return nil
}

// texts is a small list of texts, as JSON.
type texts []string

// Value gives the JSON text; a nil list is an empty one.
func (l texts) Value() (driver.Value, error) {
	if l == nil {
		return "[]", nil
	}
	text, err := json.Marshal([]string(l))
	return string(text), err
}

// Scan reads the JSON text; an empty list is nil.
func (l *texts) Scan(src any) error {
	text, ok := src.(string)
	if !ok {
		return unreadable("list", src)
	}
	var all []string
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return err
	}
	*l = nil
	if len(all) > 0 {
		*l = all
	}
	return nil
}

// textsOf gives a list of names as texts.
func textsOf[T ~string](list []T) texts {
	var all texts
	for _, v := range list {
		all = append(all, string(v))
	}
	return all
}

// textsTo gives the texts the type of their names.
func textsTo[T ~string](list texts) []T {
	var all []T
	for _, v := range list {
		all = append(all, T(v))
	}
	return all
}

// numbers are the ids that a query gathered in one text, as "3,1,2".
type numbers []int64

// Scan reads the text and sorts; NULL is none.
func (n *numbers) Scan(src any) error {
	*n = nil
	if src == nil {
		return nil
	}
	text, ok := src.(string)
	if !ok {
		return unreadable("list of ids", src)
	}
	for part := range strings.SplitSeq(text, ",") {
		id, err := strconv.ParseInt(part, 10, 64)
		if err != nil {
			return err
		}
		*n = append(*n, id)
	}
	slices.Sort(*n)
	return nil
}

// idsOf gives the numbers the type of their ids.
func idsOf[ID ~int64](n numbers) []ID {
	if n == nil {
		return nil
	}
	all := make([]ID, len(n))
	for i, id := range n {
		all[i] = ID(id)
	}
	return all
}

func unreadable(what string, src any) error {
	return fmt.Errorf("a %s cannot be read from %T", what, src)
}

// reference is the id of a row elsewhere, NULL for none.
type reference int64

// Scan reads the number.
func (r *reference) Scan(src any) error {
	id, ok := src.(int64)
	if !ok && src != nil {
		return unreadable("reference", src)
	}
	*r = reference(id)
	return nil
}
