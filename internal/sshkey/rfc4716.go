package sshkey

import "strings"

// The lines around an RFC 4716 public key, section 3.
const (
	beginSSH2 = "---- BEGIN SSH2 PUBLIC KEY ----"
	endSSH2   = "---- END SSH2 PUBLIC KEY ----"
)

// parseRFC4716 reads one block as RFC 4716, section 3, has it. Lines over 72
// bytes pass, as they do in ssh-keygen -i.
func parseRFC4716(text string) (Line, error) {
	begin, rest, _ := strings.Cut(text, "\n")
	content, after, closed := strings.Cut("\n"+rest, "\n"+endSSH2)
	switch {
	case strings.TrimRight(begin, blanks) != beginSSH2:
		return Line{}, fail(CodeRFC4716, "the first line is not %q; copy the whole block", beginSSH2)
	case !closed:
		return Line{}, fail(CodeRFC4716, "the line %q is missing; copy the whole block", endSSH2)
	case after != "":
		return Line{}, fail(CodeSeveral, "there is more after the line %q; send one key alone", endSSH2)
	}
	comment, body := cutHeaders(strings.TrimPrefix(content, "\n"))
	if holdsPrivateKey(comment) { // which can be hidden in lines that go on
		return Line{}, errPrivateKey
	}
	blob, err := decodeBase64(joinWords(body))
	if err != nil {
		return Line{}, err
	}
	key, cert, err := decode(blob)
	if err != nil {
		return Line{}, err
	}
	return Line{Key: key, Comment: comment, Form: FormRFC4716, Certificate: cert}, nil
}

// cutHeaders takes the header lines off a block, which are those with a colon,
// and returns the comment among them. Other headers are ignored, as RFC 4716,
// section 3.3, demands.
func cutHeaders(content string) (comment, body string) {
	for {
		line, rest := cutHeaderLine(content)
		tag, value, ok := strings.Cut(line, ":")
		if !ok {
			return comment, content
		}
		if strings.EqualFold(strings.Trim(tag, blanks), "Comment") {
			comment = unquoteComment(strings.Trim(value, blanks))
		}
		content = rest
	}
}

// cutHeaderLine takes one line off, joined with those it goes on in: a
// backslash at its end says so.
func cutHeaderLine(content string) (line, rest string) {
	for {
		piece, after, more := strings.Cut(content, "\n")
		head, goesOn := strings.CutSuffix(piece, `\`)
		line, content = line+head, after
		if !goesOn || !more {
			return line, content
		}
	}
}

// unquoteComment removes one pair of quotes around a comment, RFC 4716,
// section 3.3.2.
func unquoteComment(value string) string {
	if inner, ok := strings.CutPrefix(value, `"`); ok {
		if inner, ok = strings.CutSuffix(inner, `"`); ok {
			return inner
		}
	}
	return value
}

// joinWords removes line breaks and blanks from base64.
func joinWords(body string) string {
	return strings.Join(strings.FieldsFunc(body, func(r rune) bool { return strings.ContainsRune(blanks+"\n", r) }), "")
}
