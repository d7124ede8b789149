package core

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// AuthorizedKeysText writes keys as sshd reads them, a line for each: type, key
// and "login:name" as comment. No options stand in front, and nothing in login
// or a name can bring in any, or a line of its own.
func AuthorizedKeysText(login string, keys []Key) string {
	var b strings.Builder
	for _, k := range keys {
		b.WriteString(k.Public.String() + " " + inOneLine(login+":"+k.Name) + "\n")
	}
	return b.String()
}

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
