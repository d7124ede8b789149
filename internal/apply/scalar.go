package apply

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/yamlfile"
)

var errOther = errors.New("none of these") // the text comes from Want

// id is an account's integer id; zero: it is assigned.
type id core.AccountID

// Want says what is right.
func (*id) Want() string { return "a whole number from 1 on" }

// UnmarshalText reads the id.
func (v *id) UnmarshalText(text []byte) error { return number((*int64)(v), text, 1, 1<<53) } // all that JSON clients can hold

// rsaBits is the size of an RSA modulus.
type rsaBits int64

// Want says what is right.
func (*rsaBits) Want() string { return "a whole number from 1024 to 16384" }

// UnmarshalText reads the size. Below 1024 sshd refuses, above golang.org/x/crypto.
func (v *rsaBits) UnmarshalText(text []byte) error { return number((*int64)(v), text, 1024, 16384) }

func number(v *int64, text []byte, least, most int64) error {
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || n < least || n > most || strconv.FormatInt(n, 10) != string(text) {
		return errOther
	}
	*v = n
	return nil
}

// role is one of an account's roles.
type role string

// Want says what is right.
func (*role) Want() string { return "admin or support" }

// UnmarshalText reads the role.
func (v *role) UnmarshalText(text []byte) error {
	*v = role(text)
	if *v != "admin" && *v != "support" {
		return errOther
	}
	return nil
}

// adopt is which keys of finished sessions go to accounts. Programs that write
// YAML 1.1 turn the word off into false, so the words of YAML's truth values
// count too.
type adopt core.Adopt

// Want says what is right.
func (*adopt) Want() string { return "off, proven or offered" }

// UnmarshalText reads the choice.
func (v *adopt) UnmarshalText(text []byte) error {
	switch strings.ToLower(string(text)) {
	case "off", "false", "no":
		*v = adopt(core.AdoptOff)
	case "proven", "on", "true", "yes":
		*v = adopt(core.AdoptProven)
	case "offered":
		*v = adopt(core.AdoptOffered)
	default:
		return errOther
	}
	return nil
}

// moment is a time, or the day that begins then in UTC.
type moment struct{ time.Time }

// Want says what is right.
func (*moment) Want() string { return "a time as 2030-01-31T18:00:00Z, or a day as 2030-01-31" }

// UnmarshalText reads the time.
func (v *moment) UnmarshalText(text []byte) (err error) {
	if v.Time, err = time.Parse(time.DateOnly, string(text)); err == nil {
		return nil
	}
	v.Time, err = time.Parse(time.RFC3339, string(text))
	return err
}

// lifetime is how long a token lasts after its last use; zero: for ever.
type lifetime time.Duration

// Want says what is right.
func (*lifetime) Want() string { return "never, or a length of time from 1s on, as 30d or 12h" }

// UnmarshalText reads the lifetime. A short one must not become the zero that
// means for ever.
func (v *lifetime) UnmarshalText(text []byte) error {
	*v = 0
	if string(text) == "never" {
		return nil
	}
	length, err := yamlfile.ParseDuration(string(text))
	if err == nil && length < time.Second {
		return errOther
	}
	*v = lifetime(length)
	return err
}
