package password

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"
)

// The passwords that people choose most, as far as the bounds of a password let
// them (OWASP ASVS 5.0, 6.2.4), are a few hundred words with figures and signs
// around them, two of these words together, walks over the keyboard, and
// repetitions. So that is how they are told, rather than by a list of some
// thousand spellings.

//go:embed commonwords.txt
var commonWordsText string

// commonWords are the words as fold spells them.
var commonWords = sync.OnceValue(func() map[string]bool {
	words := map[string]bool{}
	for _, w := range strings.Fields(commonWordsText) {
		words[fold(w)] = true
	}
	return words
})

// isCommon tells whether a password is among those that are guessed first.
func isCommon(password string) bool {
	lower := strings.ToLower(password)
	return repeats(lower) || walks(lower) || isWords(lower)
}

// maxUnit is how long a unit may be whose repetition is no password.
const maxUnit = 8

// repeats tells whether the whole is one short unit again and again.
func repeats(text string) bool {
	for n := 1; n <= min(maxUnit, len(text)/2); n++ {
		if strings.Repeat(text[:n], len(text)/n+1)[:len(text)] == text {
			return true
		}
	}
	return false
}

// paths are ways over a keyboard, and the alphabet.
var paths = withReverse(
	"123456789012345678901234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "zxcvbnm", "yxcvbnm",
	"1q2w3e4r5t6y7u8i9o0p", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "qazwsxedcrfvtgbyhnujmikolp", "q1w2e3r4t5y6u7i8o9p0", "1a2b3c4d5e6f7g8h9i",
	"a1b2c3d4e5f6g7h8i9", "a1s2d3f4g5h6j7k8l9", "!@#$%^&*()", "!\"#$%&/()", "zaq12wsxcde34rfvbgt56yhn",
)

func withReverse(paths ...string) []string {
	for _, p := range paths {
		backwards := []byte(p)
		for i, j := 0, len(p)-1; i < j; i, j = i+1, j-1 {
			backwards[i], backwards[j] = backwards[j], backwards[i]
		}
		paths = append(paths, string(backwards))
	}
	return paths
}

// walks tells whether all but two characters lie on paths, three or more in a row.
func walks(text string) bool {
	off := 0
	for len(text) > 0 {
		n := walked(text)
		if n < 3 {
			n = 1
			off++
		}
		text = text[n:]
	}
	return off <= 2
}

// walked is how long the text follows some path.
func walked(text string) (longest int) {
	for n := len(text); n > 0; n-- {
		for _, p := range paths {
			if strings.Contains(p, text[:n]) {
				return n
			}
		}
	}
	return 0
}

// maxAround is how many bytes around a word do not make it a good password: as
// two years. More than that are hard to guess by themselves, unless they are a
// walk or repeat themselves.
const maxAround = 10

// isPadding tells whether what stands around a word adds nothing to it.
func isPadding(around string) bool {
	return len(around) <= maxAround || walks(around) || repeats(around)
}

// isWords tells whether the password is one or two of the words, with anything
// but letters around and between them.
func isWords(lower string) bool {
	outer := strings.TrimFunc(lower, func(r rune) bool { return !unicode.IsLetter(r) })
	for _, candidate := range []string{outer, strings.TrimRightFunc(lower, unicode.IsDigit), lower} {
		if !isPadding(strings.Replace(lower, candidate, "", 1)) {
			continue
		}
		folded := fold(candidate)
		for i := 1; i <= len(folded); i++ {
			if commonWords()[folded[:i]] && (i == len(folded) || commonWords()[folded[i:]]) {
				return true
			}
		}
	}
	return false
}

// fold undoes the usual spellings of letters by figures and signs, and drops
// what parts words.
func fold(text string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '0':
			return 'o'
		case '1', '!', 'l', '|':
			return 'i'
		case '3':
			return 'e'
		case '4', '@':
			return 'a'
		case '5', '$':
			return 's'
		case '7':
			return 't'
		case ' ', '-', '_', '.', ',', '+', '*', '/', '#', '&':
			return -1
		}
		return r
	}, text)
}
