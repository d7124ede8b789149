package scopedsearch

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// The bounds of a query. One that passes them is refused.
const (
	MaxLength = 4096 // bytes
	MaxDepth  = 50   // parentheses and negations inside each other
	MaxTerms  = 100  // comparisons and bare words; a list after a field is one
)

// node is a part of a query as it was written: a bareWord, a test, a negation
// or a group. nil is a part that says nothing.
type node any

// bareWord stands for itself, with neither field nor operator.
type bareWord string

// test compares a field, or where none is named the default ones, with a value.
// For in and notIn the value is a list with commas.
type test struct {
	op    kind
	named bool
	field string
	value string
}

type negation struct{ of node }

// group joins parts by and or or.
type group struct {
	op kind
	of []node
}

// parser reads tokens by recursive descent, one token ahead. last is the token
// it took most recently.
type parser struct {
	rest  []token
	last  kind
	depth int
	terms int
}

// read gives the structure of a query.
func read(query string) (node, error) {
	switch {
	case len(query) > MaxLength:
		return nil, notSupported("Search query is too long (maximum is %d bytes)", MaxLength)
	case !utf8.ValidString(query) || strings.IndexByte(query, 0) >= 0:
		return nil, notSupported("Search query must be valid UTF-8 without NUL")
	}
	p := &parser{rest: tokens(query)}
	// A parenthesis that closes nothing ends the query; what follows is not read.
	return p.sequence()
}

func (p *parser) peek() kind {
	if len(p.rest) == 0 {
		return end
	}
	return p.rest[0].kind
}

// next takes a token; at the end there is nothing to take.
func (p *parser) next() token {
	t := token{kind: end}
	if len(p.rest) > 0 {
		t, p.rest = p.rest[0], p.rest[1:]
	}
	p.last = t.kind
	return t
}

// skip takes a token if it is of the kind.
func (p *parser) skip(k kind) {
	if p.peek() == k {
		p.next()
	}
}

// deeper reads a part that stands inside another.
func (p *parser) deeper(read func() (node, error)) (node, error) {
	if p.depth++; p.depth > MaxDepth {
		return nil, notSupported("Search query is nested too deeply (maximum is %d levels)", MaxDepth)
	}
	defer func() { p.depth-- }()
	return read()
}

// term counts one comparison more.
func (p *parser) term() error {
	if p.terms++; p.terms > MaxTerms {
		return notSupported("Search query has too many terms (maximum is %d)", MaxTerms)
	}
	return nil
}

// sequence reads terms up to a closing parenthesis or the end.
func (p *parser) sequence() (node, error) {
	var all []node
	for p.peek() != end && p.peek() != rparen {
		n, err := p.logical()
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return group{and, all}, nil
}

// parentheses reads a sequence between them. The closing one may be missing.
func (p *parser) parentheses() (node, error) {
	p.next()
	if k := p.peek(); k == rparen || k == end {
		return nil, notSupported("Empty list of operands")
	}
	n, err := p.deeper(p.sequence)
	p.skip(rparen)
	return n, err
}

// logical reads a term with all that connectives tie to it, from the right.
func (p *parser) logical() (node, error) {
	var parts []node
	if k := p.peek(); k != and && k != or {
		n, err := p.operand()
		if err != nil {
			return nil, err
		}
		parts = append(parts, n)
	}
	if k := p.peek(); k != and && k != or {
		return parts[0], nil
	}
	op := p.next().kind
	rest, err := p.logical()
	return group{op, append(parts, rest)}, err
}

func (p *parser) operand() (node, error) {
	switch p.peek() {
	case lparen:
		return p.parentheses()
	case not:
		return p.negation()
	case null, notNull:
		return p.prefixed()
	default:
		return p.comparison()
	}
}

func (p *parser) negation() (node, error) {
	p.next()
	n, err := p.deeper(func() (node, error) {
		switch p.peek() {
		case not:
			return p.negation()
		case lparen:
			return p.parentheses()
		default:
			return p.comparison()
		}
	})
	return negation{n}, err
}

func (p *parser) comparison() (node, error) {
	p.skip(comma)
	if p.peek() != word {
		return p.prefixed()
	}
	if err := p.term(); err != nil {
		return nil, err
	}
	field := p.next().text
	switch op := p.peek(); op {
	case eq, ne, gt, gte, lt, lte, like, unlike, in, notIn:
		p.next()
		value, err := p.value()
		return test{op, true, field, value}, err
	default:
		p.skip(comma)
		return bareWord(field), nil
	}
}

// prefixed reads an operator and a value without a field between them. The
// operator may be any token at all; most restrict nothing then.
func (p *parser) prefixed() (node, error) {
	op := p.next().kind
	if op == in || op == notIn {
		return p.prefixedList(op)
	}
	if err := p.term(); err != nil {
		return nil, err
	}
	value, err := p.value()
	return test{op: op, value: value}, err
}

// prefixedList makes a list without a field comparisons with each member.
func (p *parser) prefixedList(op kind) (node, error) {
	members := p.list()
	if len(members) == 0 {
		return nil, notSupported("Empty list of operands")
	}
	joined, each := or, eq
	if op == notIn {
		joined, each = and, ne
	}
	var all []node
	for _, m := range members {
		if err := p.term(); err != nil {
			return nil, err
		}
		all = append(all, test{op: each, value: m})
	}
	return group{joined, all}, nil
}

func (p *parser) value() (string, error) {
	switch {
	case p.peek() == word:
		return p.next().text, nil
	case p.last == in || p.last == notIn:
		return strings.Join(p.list(), ","), nil
	}
	return "", notSupported("Value expected but found %s", p.peek())
}

// list gathers words up to a closing parenthesis or the end, whatever stands
// between them.
func (p *parser) list() []string {
	p.skip(lparen)
	n := slices.IndexFunc(p.rest, func(t token) bool { return t.kind == rparen })
	if n < 0 {
		n = len(p.rest)
	}
	var words []string
	for _, t := range p.rest[:n] {
		if t.kind == word {
			words = append(words, t.text)
		}
	}
	p.rest = p.rest[n:]
	p.skip(rparen)
	return words
}
