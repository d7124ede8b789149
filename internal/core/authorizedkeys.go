package core

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"keyrack/internal/sshkey"
)

// ServedKey is a key as sshd is told of it.
type ServedKey struct {
	Name   string
	Public sshkey.PublicKey
}

// Keyholder is what of an account decides whether its keys are served.
type Keyholder struct {
	Login     string
	Disabled  bool
	ExpiresAt time.Time // zero: never
}

// serves tells whether the account's keys open a login. sshd's user names have
// case, logins are only unique without it.
func (h Keyholder) serves(login string, now time.Time) bool {
	return h.Login == login && Holder{Disabled: h.Disabled, ExpiresAt: h.ExpiresAt}.ActiveAt(now)
}

// AuthorizedKeys gives the keys that open a login: those of the active account
// of exactly that login, or none. A fingerprint (zero: any) narrows them to
// the key a client offered. Keys that protect nothing are left out. For hosts,
// operators and those who read everything.
func (s *Service) AuthorizedKeys(ctx context.Context, by Actor, login string, f sshkey.Fingerprint) ([]ServedKey, error) {
	if by.kind != ActorHost && !by.readsAll() {
		return nil, errDenied
	}
	if !loginPattern.MatchString(login) { // not every text can be asked for
		return nil, nil
	}
	return glance(ctx, s, func(tx Tx) ([]ServedKey, error) {
		of, keys, err := tx.ServedKeys(login)
		if err != nil || !of.serves(login, s.clock()) {
			return nil, ignore(NotFound, err)
		}
		return slices.DeleteFunc(keys, func(k ServedKey) bool { return !k.opens(f) }), nil
	})
}

// opens tells whether the key is one that was asked for, and lets in nobody but
// its holder: some faces take keys that would let anybody in, for the record.
func (k ServedKey) opens(f sshkey.Fingerprint) bool {
	if f.Sum != nil && !fingerprint(k.Public, f.Hash).Equal(f) {
		return false
	}
	return sshkey.CheckStrength(k.Public) == nil
}

// AuthorizedKeysText writes keys as sshd reads them, a line for each: type, key
// and "login:name" as comment. No options stand in front, and nothing in login
// or a name can bring in any, or a line of its own.
func AuthorizedKeysText(login string, keys []ServedKey) string {
	b := make([]byte, 0, commonLine*len(keys))
	for _, k := range keys {
		b = append(k.Public.Append(b), ' ')
		b = append(append(append(b, inOneLine(login)...), ':'), inOneLine(k.Name)...)
		b = append(b, '\n')
	}
	return string(b)
}

// commonLine is as long as most lines of authorized_keys, in bytes.
const commonLine = 256

// inOneLine replaces what could end a line, or steer the terminal of whoever
// reads it. Names are checked when they are made; a line that lets people in
// does not rely on it.
func inOneLine(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case ' ' <= r && r <= '~': // nearly all there is; the tables are slow to search
			return r
		case r == utf8.RuneError || unicode.In(r, unicode.C, unicode.Zl, unicode.Zp):
			return '?'
		}
		return r
	}, text)
}
