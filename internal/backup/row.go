package backup

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Each value of a row begins with what it is.
const (
	isNull  = 0
	isInt   = 1 // a varint follows
	isReal  = 4 // 8 bytes follow, the highest first
	isText  = 2 // a length and as many bytes follow
	isBytes = 3
)

// largestValue is far above what any value of a row can be.
const largestValue = 64 << 20

// appendRow adds a row as it stands in a backup.
func appendRow(b []byte, values []any) ([]byte, error) {
	for _, v := range values {
		switch v := v.(type) {
		case nil:
			b = append(b, isNull)
		case int64:
			b = binary.AppendVarint(append(b, isInt), v)
		case float64:
			b = binary.BigEndian.AppendUint64(append(b, isReal), math.Float64bits(v))
		case string:
			b = append(binary.AppendUvarint(append(b, isText), uint64(len(v))), v...)
		case []byte:
			b = append(binary.AppendUvarint(append(b, isBytes), uint64(len(v))), v...)
		default:
			return nil, fmt.Errorf("a value is %T, which backups do not know", v)
		}
	}
	return b, nil
}

// source is what rows are read from.
type source interface {
	io.Reader
	io.ByteReader
}

// readRow reads a row of so many values. At the end of r, before the first, it gives [io.EOF].
func readRow(r source, n int) ([]any, error) {
	values := make([]any, n)
	for i := range values {
		var err error
		if values[i], err = readValue(r); err != nil {
			if i > 0 && errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return values, nil
}

func readValue(r source) (any, error) {
	kind, err := r.ReadByte()
	if err != nil {
		return nil, err
	}
	switch kind {
	case isNull:
		return nil, nil
	case isInt:
		v, err := binary.ReadVarint(r)
		return v, whole(err)
	case isReal:
		var b [8]byte
		_, err := io.ReadFull(r, b[:])
		return math.Float64frombits(binary.BigEndian.Uint64(b[:])), whole(err)
	case isText:
		b, err := readBytes(r)
		return string(b), err
	case isBytes:
		return readBytes(r)
	}
	return nil, fmt.Errorf("value of unknown kind %d", kind)
}

func readBytes(r source) ([]byte, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return nil, whole(err)
	}
	if n > largestValue {
		return nil, fmt.Errorf("value of %d bytes", n)
	}
	b := make([]byte, n)
	_, err = io.ReadFull(r, b)
	return b, whole(err)
}

// whole makes the end of what is read within a value an error.
func whole(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
