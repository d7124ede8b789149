package sshkey

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxText bounds what [Parse] reads: a blob of [MaxWire] takes 43 KiB in
// base64, and options and comment get the rest. A line with a certificate of
// and by a 16384-bit RSA key has 9 KiB.
const MaxText = 64 << 10

// Form is the form a key was written in.
type Form uint8

// The forms.
const (
	FormOpenSSH Form = iota + 1 // one line, as in authorized_keys or a .pub file
	FormRFC4716                 // ---- BEGIN SSH2 PUBLIC KEY ----
	FormPKIX                    // -----BEGIN PUBLIC KEY-----, SubjectPublicKeyInfo
	FormPKCS1                   // -----BEGIN RSA PUBLIC KEY-----
)

// String returns the form's usual name.
func (f Form) String() string {
	switch f {
	case FormOpenSSH:
		return "OpenSSH"
	case FormRFC4716:
		return "RFC 4716"
	case FormPKIX:
		return "PKIX PEM"
	case FormPKCS1:
		return "PKCS#1 PEM"
	default:
		return "unknown form"
	}
}

// Line is what [Parse] read: the key and all that stood around it.
type Line struct {
	Key PublicKey
	// Comment is as sent, without blanks around it. It is UTF-8 and holds
	// neither control characters (but tabs) nor direction marks.
	Comment string
	// Options are those in front of the key, each as written. They change what
	// sshd lets the key do, cert-authority even what it is; a caller that does
	// not keep them must refuse them.
	Options []string
	Form    Form
	// Certificate is nil if the key came plain. Else Key is the certified key.
	Certificate *Certificate
}

// Parse reads one public key in any form of [Form]. The package comment has
// the rules; the error is an [*Error].
func Parse(text string) (Line, error) {
	if holdsPrivateKey(text) {
		return Line{}, errPrivateKey
	}
	if len(text) > MaxText {
		return Line{}, fail(CodeTooLong, "the text has %d bytes; a public key has at most %d", len(text), MaxText)
	}
	if err := checkCharacters(text); err != nil {
		return Line{}, err
	}
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.TrimLeft(strings.TrimRight(text, blanks+"\r\n"), blanks+"\n")
	if strings.Contains(text, "\r") {
		return Line{}, fail(CodeCharacters, "the text contains a carriage return inside a line; send one unbroken line")
	}
	switch {
	case strings.HasPrefix(text, beginPEM):
		return parsePEM(text)
	case strings.HasPrefix(text, beginSSH2):
		return parseRFC4716(text)
	default:
		return parseLines(text)
	}
}

var errPrivateKey = fail(CodePrivateKey, "this is a private key; never send it anywhere, and make a new pair "+
	"if others may have seen it. Send the public half, which is in the file ending in .pub")

// blanks is what sshd takes as space between words.
const blanks = " \t"

// holdsPrivateKey recognises private keys of all kinds, whatever stands around
// them, so that no later step can repeat a part of one in an error.
func holdsPrivateKey(text string) bool {
	for _, mark := range privateMarks {
		if strings.Contains(text, mark) {
			return true
		}
	}
	return holdsArmour(text) || holdsNaked(text)
}

// privateMarks begin the private keys that have no armour of BEGIN and END.
var privateMarks = []string{
	"PuTTY-User-Key-File-",        // PuTTY's PPK, versions 1 to 3
	"SSH PRIVATE KEY FILE FORMAT", // SSH 1
	"openssh-key-v1\x00",          // what is inside of OpenSSH's armour
}

// holdsArmour looks for the first or last line of PEM (OpenSSH, PKCS#1,
// PKCS#8, SEC 1, DSA, encrypted or not) and of ssh.com's form, without the
// dashes, which editors like to replace.
func holdsArmour(text string) bool {
	for {
		before, after, found := strings.Cut(text, "PRIVATE KEY")
		if !found {
			return false
		}
		line := before[strings.LastIndexByte(before, '\n')+1:]
		if strings.Contains(line, "BEGIN ") || strings.Contains(line, "END ") {
			return true
		}
		text = after
	}
}

// nakedPrivateKey is the base64 of "openssh-key-v1" and a zero byte.
const nakedPrivateKey = "b3BlbnNzaC1rZXktdjEA"

// holdsNaked looks for an OpenSSH key that lost its armour. Inside of longer
// base64 it is no such key but part of another one.
func holdsNaked(text string) bool {
	for {
		before, after, found := strings.Cut(text, nakedPrivateKey)
		if !found {
			return false
		}
		if before == "" || isNotBase64(rune(before[len(before)-1])) {
			return true
		}
		text = after
	}
}

// checkCharacters refuses what cannot be part of a key in any form.
func checkCharacters(text string) error {
	if strings.HasPrefix(text, "\ufeff") {
		return fail(CodeCharacters, "the text begins with a byte order mark, which sshd does not understand; save it as UTF-8 without")
	}
	if !utf8.ValidString(text) {
		return fail(CodeCharacters, "the text is not UTF-8; save the file as UTF-8, or leave out the comment")
	}
	for i, r := range text {
		if !isPlainASCII(r) && isBadCharacter(r) {
			return fail(CodeCharacters, "the text contains the character %U at byte %d; remove it", r, i)
		}
	}
	return nil
}

// isPlainASCII is a short way past nearly every character of a key, and short
// enough to be inlined.
func isPlainASCII(r rune) bool { return ' ' <= r && r <= '~' }

// isBadCharacter names control characters but tab and line ends, separators of
// lines and paragraphs, and the marks that turn the direction of text (Trojan
// Source, CVE-2021-42574).
func isBadCharacter(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control) &&
		r != '\t' && r != '\r' && r != '\n'
}
