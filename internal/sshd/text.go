package sshd

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxText    = 4096 // bytes of a banner or message; as much as a session may carry
	maxVersion = 255  // bytes of a client's version line (RFC 4253, section 4.2)
)

// DefaultNotice is the banner of sessions that have none. People must be able
// to read what happens to their keys before a key is offered.
const DefaultNotice = "The public keys your SSH client offers will be recorded.\n" +
	"Private keys never leave your machine. Press Ctrl-C to stop.\n"

// What a client is told before it is let in, as a banner: the library cannot
// send a disconnect message (golang/go#37913). Lines stay below the 77 columns
// that PuTTY has for them.
const (
	textUnknown  = "No open session has this name. Check the command, or ask for a new one.\n"
	textLater    = "The server cannot answer right now. Please try again later.\n"
	textStopping = "The server is being restarted. Please connect again in a minute.\n"
	textBusy     = "Too many connections. Please try again later.\r\n" // before SSH begins, where lines end in CR LF
)

// What a client is told in the session channel.
const (
	textPrompt     = "Record them? Press y to confirm, any other key to cancel: "
	textDeclined   = "Nothing was recorded.\n"
	textNoAnswer   = "\nNo answer came in time. Nothing was recorded.\n"
	textTooLate    = "Nothing was recorded: another connection was first, or the session has ended.\n"
	textUnrecorded = "The keys could not be recorded. Please try again later.\n"
)

// Sanitize makes text safe for a terminal: it keeps printable characters,
// newlines and tabs, and drops everything that could steer the terminal or
// show what is not there (control characters of C0 and C1, text direction,
// invisible characters, broken UTF-8). Blanks of all sorts become spaces. The
// result is at most 4096 bytes of valid UTF-8.
func Sanitize(text string) string { return clip(clean(text), maxText) }

func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || unicode.IsPrint(r) && r != utf8.RuneError:
			return r
		case unicode.Is(unicode.Zs, r):
			return ' '
		}
		return -1
	}, text)
}

// clip cuts text to n bytes without cutting a character.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// printable keeps the printable ASCII of text, at most n bytes: for what must
// fit on one line of a log.
func printable(text string, n int) string {
	ascii := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, text)
	return ascii[:min(len(ascii), n)]
}

// asBanner makes text a banner: safe, and ending its last line.
func asBanner(text string) string {
	text = Sanitize(text)
	if text == "" || strings.HasSuffix(text, "\n") {
		return text
	}
	return text + "\n"
}
