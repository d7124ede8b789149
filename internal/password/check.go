package password

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// Bounds of a password (OWASP ASVS 5.0, 6.2.1 and 6.2.9).
const (
	minCharacters = 12
	maxBytes      = 256
)

// Check says why a text will not do as a new password, in words that follow a
// field's name.
func Check(text string) error {
	switch {
	case !utf8.ValidString(text):
		return errors.New("must be valid UTF-8")
	case utf8.RuneCountInString(text) < minCharacters:
		return fmt.Errorf("must have at least %d characters", minCharacters)
	case len(text) > maxBytes:
		return fmt.Errorf("must have at most %d bytes", maxBytes)
	case isCommon(text):
		return errors.New("must not be one of those that are guessed first")
	}
	return nil
}
