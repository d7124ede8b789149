package core

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Identity gives a text that is the same for names that people take for one:
// what differs by case, by how a letter is composed, by width or style, or by
// blanks alone. Names that everybody shares (of organizations, locations,
// projects, applications, devices) are found, and are unique, by it.
//
// It is NFKC_Casefold of Unicode's UAX 31, but that invisible characters stay:
// [checkIdentity] lets none in.
func Identity(name string) string {
	if !strings.ContainsFunc(name, func(r rune) bool { return r > unicode.MaxASCII }) {
		name = strings.ToLower(name)
	} else {
		folded := cases.Fold().String(norm.NFKC.String(name))
		name = norm.NFKC.String(strings.ToLower(folded)) // lower: Fold only swaps the case of Cherokee
	}
	return strings.Join(strings.Fields(name), " ")
}

// invisible are letters and marks that nobody sees. What else is invisible is a
// control or format character, see [checkLabel].
var invisible = []*unicode.RangeTable{unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector}

// brailleBlank is a symbol that looks like a blank.
const brailleBlank = '\u2800'

// checkIdentity refuses what nobody could tell from another name by looking.
func checkIdentity(p *problems, path, name string) {
	switch {
	case name != "" && Identity(name) == "":
		p.addf(path, "must not be blank")
	case strings.ContainsFunc(name, func(r rune) bool { return r == brailleBlank || unicode.In(r, invisible...) }):
		p.addf(path, "must not hold invisible characters")
	case mixesAlphabets(name):
		p.addf(path, "must not mix letters of different alphabets in a word")
	}
}

// alphabets have letters that look like each other's.
var alphabets = []*unicode.RangeTable{unicode.Latin, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee, unicode.Coptic, unicode.Lisu}

// mixesAlphabets tells whether a word has letters of two alphabets. Nobody
// writes so, but who wants to be taken for another. A word that is written in
// one and looks like one of another's is let through: it can be right.
func mixesAlphabets(text string) bool {
	words := strings.FieldsFunc(text, func(r rune) bool { return !unicode.In(r, unicode.L, unicode.M, unicode.N) })
	for _, word := range words {
		var in *unicode.RangeTable
		for _, r := range word {
			switch of := alphabetOf(r); {
			case of == nil:
			case in == nil:
				in = of
			case of != in:
				return true
			}
		}
	}
	return false
}

// alphabetOf gives which of the alphabets a letter is of; nil: none of them.
func alphabetOf(r rune) *unicode.RangeTable {
	if r <= unicode.MaxASCII {
		if unicode.IsLetter(r) {
			return unicode.Latin
		}
		return nil
	}
	for _, a := range alphabets {
		if unicode.Is(a, r) {
			return a
		}
	}
	return nil
}

// composed gives a text in the one form in which texts that look the same are.
func composed(text string) string { return norm.NFC.String(text) }
