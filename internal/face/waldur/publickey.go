package waldur

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"keyrack/internal/sshkey"
)

const (
	invalidKey   = "Invalid SSH public key."
	maxPublicKey = 2000 // characters
)

func hasDotOrSlash(text string) bool { return strings.ContainsAny(text, "./") }

// publicKey gives the field of that name, and notes what is wrong with it: the
// first group of checks that finds something is the last.
func (in input) publicKey(wrong *faults, policy policy) string {
	const name = "public_key"
	text := in.text(wrong, name, textRule{required: true})
	if wrong.has(name) {
		return ""
	}
	if n := utf8.RuneCountInString(text); n > maxPublicKey {
		wrong.add(name, fmt.Sprintf("Ensure this value has at most %d characters (it has %d).", maxPublicKey, n))
	}
	first := text
	if at := strings.IndexAny(text, "\r\n"); at >= 0 {
		first = text[:at]
	}
	line, word, ok := parseKeyLine(first)
	if !ok {
		wrong.add(name, invalidKey)
	}
	if strings.Contains(text, "\x00") {
		wrong.add(name, noNull)
	}
	switch {
	case wrong.has(name):
	case first != text:
		wrong.add(name, "Key is not valid: it should be single line.")
	default:
		policy.judge(wrong, name, word, line)
	}
	return text
}

// parseKeyLine reads "type base64 [comment]" and nothing else that sshkey takes.
func parseKeyLine(text string) (line sshkey.Line, word string, ok bool) {
	line, err := sshkey.Parse(text)
	if err != nil || line.Form != sshkey.FormOpenSSH || len(line.Options) > 0 {
		return line, "", false
	}
	words := strings.Fields(text)
	isKey := words[0] == line.Key.Algorithm() || line.Certificate != nil
	return line, words[0], isKey && isParsed(line.Key.Algorithm())
}

// isParsed tells whether a type is one that upstream reads at all.
func isParsed(algorithm string) bool {
	for _, known := range sshkey.KnownTypes() {
		if known == algorithm {
			return true
		}
	}
	return false
}

// judge notes a key whose type is not wanted, or that is too small.
func (p policy) judge(wrong *faults, name, word string, line sshkey.Line) {
	switch bits := line.Key.Bits(); {
	case !p.allows(word):
		wrong.add(name, fmt.Sprintf("Key type '%s' is not allowed. Allowed types: %s.", word, strings.Join(p.types, ", ")))
	case word == "ssh-rsa" && bits < p.minBits:
		wrong.add(name, fmt.Sprintf("RSA key size %d bits is too small. Minimum required: %d bits.", bits, p.minBits))
	}
}
