package vault

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "REDACTED"

// Secret is a value that must not be shown: whatever prints, logs or encodes
// it gets REDACTED. The zero value holds nothing.
type Secret struct {
	// == would compare addresses, and in time that tells.
	_ [0]func()
	// fmt calls no methods on values in unexported fields, nor for %p; it
	// prints what they are made of, and of a pointer the address alone.
	value *string
}

// NewSecret keeps a copy of value.
func NewSecret[T ~string | ~[]byte](value T) Secret {
	s := string(value)
	return Secret{value: &s}
}

// Reveal returns the value; with Bytes it is the only way out.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Bytes returns a copy of the value, as Reveal does.
func (s Secret) Bytes() []byte { return []byte(s.Reveal()) }

// IsZero reports whether there is no value, or an empty one.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// String returns REDACTED.
func (s Secret) String() string { return redacted }

// GoString returns REDACTED.
func (s Secret) GoString() string { return redacted }

// Format writes REDACTED, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns REDACTED.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON returns REDACTED.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns REDACTED.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalYAML returns REDACTED.
func (s Secret) MarshalYAML() (any, error) { return redacted, nil }
