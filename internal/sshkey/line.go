package sshkey

import (
	"encoding/base64"
	"slices"
	"strings"
)

// parseLines reads the one line with a key among empty and comment lines.
func parseLines(text string) (Line, error) {
	var line string
	for l := range strings.SplitSeq(text, "\n") {
		switch l = strings.Trim(l, blanks); {
		case l == "" || l[0] == '#':
		case line != "":
			return Line{}, fail(CodeSeveral, "there is more than one line; send one key, unbroken on one line")
		default:
			line = l
		}
	}
	if line == "" {
		return Line{}, fail(CodeEmpty, "there is no key; send a line such as \"ssh-ed25519 AAAA... name@host\"")
	}
	return parseLine(line)
}

// parseLine reads "[options] type base64 [comment]". Like sshd it takes the
// first word for the type if it can be one, and for options otherwise.
func parseLine(line string) (Line, error) {
	var options string
	if !startsWithKey(line) {
		var err error
		if options, line, err = cutOptions(line); err != nil {
			return Line{}, err
		}
		if !startsWithKey(line) {
			return Line{}, errNoKey(options)
		}
	}
	list, err := splitOptions(options)
	if err != nil {
		return Line{}, err
	}
	name, line := cutWord(line)
	body, comment := cutWord(line)
	key, cert, err := decodeText(name, body)
	if err != nil {
		return Line{}, err
	}
	return Line{
		Key: key, Comment: comment, Options: list, Form: FormOpenSSH, Certificate: cert,
	}, nil
}

func errNoKey(firstWord string) error {
	if strings.HasPrefix(firstWord, bodyPrefix) {
		return fail(CodeNoKey, "the key type in front of the key data is missing; copy the whole line")
	}
	return fail(CodeNoKey, "there is no public key in this text; send a line such as "+
		"\"ssh-ed25519 AAAA... name@host\", or a public key in PEM or RFC 4716 form")
}

// cutWord takes the first word off a line.
func cutWord(line string) (word, rest string) {
	end := strings.IndexAny(line, blanks)
	if end < 0 {
		return line, ""
	}
	return line[:end], strings.Trim(line[end:], blanks)
}

// bodyPrefix begins the base64 of every blob: the name's length has three zero
// bytes in front.
const bodyPrefix = "AAAA"

// startsWithKey reports whether a line begins with a key: a known type, or
// what can be one before key data. Options with a quote in them cannot.
func startsWithKey(line string) bool {
	name, rest := cutWord(line)
	return typeNamed(name) != nil || isTypeName(name) && strings.HasPrefix(rest, bodyPrefix)
}

// decodeText reads a type and its base64.
func decodeText(name, body string) (PublicKey, *Certificate, error) {
	if err := checkTypeName(name); err != nil {
		return PublicKey{}, nil, err
	}
	if body == "" {
		return PublicKey{}, nil, fail(CodeTruncated, "the key data after %s is missing; copy the whole line", quote(name))
	}
	blob, err := decodeBase64(body)
	if err != nil {
		return PublicKey{}, nil, err
	}
	if inside, _, ok := cut(string(blob)); ok && inside != name {
		return PublicKey{}, nil, errMismatch(name, inside)
	}
	return decode(blob)
}

func errMismatch(name, inside string) error {
	if !isTypeName(inside) {
		return fail(CodeTypeMismatch, "the key data after %s is no SSH key; copy the whole line", quote(name))
	}
	return fail(CodeTypeMismatch, "the text says %s but the key data is of type %s; copy the whole line", quote(name), quote(inside))
}

// strictBase64 takes one spelling of each blob, as sshd does.
var strictBase64 = base64.StdEncoding.Strict()

func decodeBase64(body string) ([]byte, error) {
	blob, err := strictBase64.DecodeString(body)
	if err == nil {
		return blob, nil
	}
	if at := strings.IndexFunc(strings.TrimRight(body, "="), isNotBase64); at >= 0 {
		return nil, fail(CodeBase64, "the key data is not base64 at its character %d; copy the whole line again", at+1)
	}
	return nil, fail(CodeBase64, "the key data is cut off or has characters too many; copy the whole line again")
}

func isNotBase64(r rune) bool {
	switch {
	case '0' <= r && r <= '9', 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', r == '+', r == '/':
		return false
	}
	return true
}

// cutOptions takes the options off a line: all up to the first blank that is
// not between quotes (sshd(8), AUTHORIZED_KEYS FILE FORMAT).
func cutOptions(line string) (options, rest string, err error) {
	end, open := indexUnquoted(line, blanks)
	if open {
		return "", "", fail(CodeOptions, "a quote in front of the key is never closed; close it or leave the options out")
	}
	return line[:end], strings.Trim(line[end:], blanks), nil
}

// indexUnquoted returns where the first of chars stands outside of double
// quotes, or the length of s, and whether a quote is open there. As in sshd,
// \" is no quote, and a backslash before anything else is nothing special.
func indexUnquoted(s, chars string) (i int, open bool) {
	for ; i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], `\"`):
			i++
		case s[i] == '"':
			open = !open
		case !open && strings.IndexByte(chars, s[i]) >= 0:
			return i, false
		}
	}
	return i, open
}

// splitOptions takes options apart and refuses those sshd would refuse.
func splitOptions(options string) ([]string, error) {
	var list []string
	for options != "" {
		end, _ := indexUnquoted(options, ",")
		option := options[:end]
		if err := checkOption(option); err != nil {
			return nil, err
		}
		list = append(list, option)
		if end == len(options) {
			break
		}
		if options = options[end+1:]; options == "" {
			return nil, fail(CodeOptions, "the options before the key end in a comma; remove it")
		}
	}
	return list, nil
}

// The options of sshd, from auth-options.c of OpenSSH 9.2 to 10.5. A flag marked
// true can have "no-" in front.
var (
	optionFlags = map[string]bool{
		"restrict": false, "cert-authority": false,
		"port-forwarding": true, "agent-forwarding": true, "x11-forwarding": true,
		"touch-required": true, "verify-required": true, "pty": true, "user-rc": true,
	}
	optionValues = []string{
		"command", "environment", "expiry-time", "from", "permitlisten", "permitopen", "principals", "tunnel",
	}
)

func checkOption(option string) error {
	name, value, hasValue := strings.Cut(option, "=")
	name = strings.ToLower(name)
	switch {
	case !hasValue && isFlag(name):
		return nil
	case !hasValue || !slices.Contains(optionValues, name):
		return fail(CodeOptions, "%s before the key is no option of authorized_keys; leave it out", quote(name))
	case !isQuoted(value):
		return fail(CodeOptions, "the value of the option %s must be in double quotes", quote(name))
	}
	return nil
}

func isFlag(name string) bool {
	if _, ok := optionFlags[name]; ok {
		return true
	}
	positive, negated := strings.CutPrefix(name, "no-")
	return negated && optionFlags[positive]
}

// isQuoted reports whether value is one string in quotes and nothing after it.
func isQuoted(value string) bool {
	plain := strings.ReplaceAll(value, `\"`, "")
	return strings.HasPrefix(plain, `"`) && strings.HasSuffix(plain, `"`) && strings.Count(plain, `"`) == 2
}
