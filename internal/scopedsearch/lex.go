package scopedsearch

import (
	"strings"
	"unicode/utf8"
)

// kind is what a token is. Its text is the name that messages have for it.
type kind string

const (
	end     kind = "nil" // there is no further token
	word    kind = "word"
	lparen  kind = ":lparen"
	rparen  kind = ":rparen"
	comma   kind = ":comma"
	and     kind = ":and"
	or      kind = ":or"
	not     kind = ":not"
	null    kind = ":null"
	notNull kind = ":notnull"
	eq      kind = ":eq"
	ne      kind = ":ne"
	gt      kind = ":gt"
	gte     kind = ":gte"
	lt      kind = ":lt"
	lte     kind = ":lte"
	like    kind = ":like"
	unlike  kind = ":unlike"
	in      kind = ":in"
	notIn   kind = ":notin"
)

// name is the kind as messages about operators have it, without the colon.
func (k kind) name() string { return strings.TrimPrefix(string(k), ":") }

var operators = map[string]kind{
	"&": and, "&&": and, "|": or, "||": or, "-": not, "!": not,
	"=": eq, "==": eq, "!=": ne, "<>": ne, ">": gt, ">=": gte, "<": lt, "<=": lte,
	"~": like, "!~": unlike, "^": in, "!^": notIn,
}

var keywords = map[string]kind{
	"and": and, "or": or, "not": not, "has": notNull, "set?": notNull, "null?": null,
	"before": lt, "after": gt, "at": eq,
}

type token struct {
	kind kind
	text string // of a word
}

const (
	blanks    = " \t\r\n\f\v"
	symbols   = "&|=<>^!~-"          // each begins an operator
	wordEnds  = blanks + "=~<>&|()," // so ! ^ - and " belong to a word that has begun
	backslash = '\\'
)

// tokens cuts a query up. What follows the last word is dropped.
func tokens(query string) []token {
	var all []token
	last := 0
	for rest := strings.TrimLeft(query, blanks); rest != ""; rest = strings.TrimLeft(rest, blanks) {
		var t token
		t, rest = next(rest)
		all = append(all, t)
		if t.kind == word {
			last = len(all)
		}
	}
	return all[:last]
}

// next cuts the first token off a text that begins with one.
func next(text string) (t token, rest string) {
	switch c := text[0]; {
	case c == '(':
		return token{kind: lparen}, text[1:]
	case c == ')':
		return token{kind: rparen}, text[1:]
	case c == ',':
		return token{kind: comma}, text[1:]
	case c == '"':
		return quoted(text[1:])
	case strings.IndexByte(symbols, c) >= 0:
		return operator(text)
	}
	return plain(text)
}

// operator takes two characters where they are an operator, else one.
func operator(text string) (token, string) {
	if len(text) > 1 {
		if k, ok := operators[text[:2]]; ok {
			return token{kind: k}, text[2:]
		}
	}
	return token{kind: operators[text[:1]]}, text[1:]
}

func plain(text string) (token, string) {
	_, first := utf8.DecodeRuneInString(text)
	n := strings.IndexAny(text[first:], wordEnds)
	if n < 0 {
		n = len(text) - first
	}
	text, rest := text[:first+n], text[first+n:]
	if k, ok := keywords[strings.ToLower(text)]; ok {
		return token{kind: k}, rest
	}
	return token{kind: word, text: text}, rest
}

// quoted takes what stands before the next quote, or all where there is none.
// A backslash takes the next character as it is, and at the end vanishes.
func quoted(text string) (token, string) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			return token{kind: word, text: b.String()}, text[i+1:]
		case backslash:
			if i++; i == len(text) {
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return token{kind: word, text: b.String()}, ""
}
