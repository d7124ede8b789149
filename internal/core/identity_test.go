package core_test

import (
	"fmt"
	"strings"
	"testing"

	"keyrack/internal/core"
	"keyrack/internal/vault"
)

// what becomes of a second name beside a first.
type fate string

const (
	same    fate = "the same" // finds the first, makes no second
	another fate = "another"  // is a name of its own
	unfit   fate = "no name"  // cannot be a name
)

// lookAlikes are pairs of names that people may take for each other: with what
// attackers use, and what is harmless.
var lookAlikes = []struct {
	attack        string
	first, second string
	want          fate
}{
	{"as it is", "acme", "acme", same},
	{"upper case", "acme", "ACME", same},
	{"one letter upper", "acme", "Acme", same},
	{"one more letter", "acme", "acmee", another},
	{"digit for a letter", "acme1", "acmel", another},
	{"rn for m", "acme", "acrne", another},
	{"blank before", "acme", " acme", same},
	{"blank after", "acme", "acme ", same},
	{"two blanks", "acme inc", "acme  inc", same},
	{"no-break blank", "acme inc", "acme\u00a0inc", same},
	{"thin blank", "acme inc", "acme\u2009inc", same},
	{"ideographic blank", "acme inc", "acme\u3000inc", same},
	{"ogham blank", "acme inc", "acme\u1680inc", same},
	{"blank left out", "acme inc", "acmeinc", another},
	{"only a blank", "acme", " ", unfit},
	{"only a no-break blank", "acme", "\u00a0", unfit},
	{"nothing", "acme", "", unfit},
	{"hyphen for a blank", "acme inc", "acme-inc", another},
	{"no-break hyphen", "acme-inc", "acme\u2011inc", another},

	{"decomposed", "caf\u00e9", "cafe\u0301", same},
	{"decomposed and upper case", "caf\u00e9", "CAFE\u0301", same},
	{"without its accent", "café", "cafe", another},
	{"another accent", "café", "cafè", another},
	{"marks in another order", "q\u0323\u0307", "q\u0307\u0323", same},
	{"two marks composed", "\u1e69", "s\u0323\u0307", same},
	{"Angstrom sign", "\u00c5ngstrom", "\u212bngstrom", same},
	{"Kelvin sign", "kiwi", "\u212aiwi", same},
	{"long s", "sales", "\u017fales", same},
	{"umlaut upper case", "über", "ÜBER", same},
	{"umlaut decomposed", "über", "u\u0308ber", same},
	{"umlaut written out", "über", "ueber", another},
	{"sharp s", "straße", "STRASSE", same},
	{"capital sharp s", "straße", "STRAẞE", same},
	{"ligature", "office", "o\ufb03ce", same},
	{"long s and t", "stadt", "\ufb05adt", same},
	{"digraph", "ǆ", "Ǆ", same},
	{"Turkish dotless i", "ist", "ıst", another},
	{"Turkish dotted I", "ist", "İst", another},
	{"Hangul in parts", "\ud55c", "\u1112\u1161\u11ab", same},
	{"Hangul compatibility", "ㄱ", "ᄀ", same},
	{"Vietnamese decomposed", "Việt", "Vie\u0323\u0302t", same},
	{"Devanagari nukta", "\u0958", "\u0915\u093c", same},
	{"Thai sara am", "ำ", "ํา", same},

	{"full width", "acme", "ａｃｍｅ", same},
	{"full width upper case", "acme", "ＡＣＭＥ", same},
	{"half width", "アクメ", "ｱｸﾒ", same},
	{"bold", "acme", "𝐚𝐜𝐦𝐞", same},
	{"script letters", "acme", "𝓪𝓬𝓶𝓮", same},
	{"Fraktur", "acme", "𝔞𝔠𝔪𝔢", same},
	{"double-struck", "acme", "𝕒𝕔𝕞𝕖", same},
	{"monospace", "acme", "𝚊𝚌𝚖𝚎", same},
	{"circled", "acme", "ⓐⓒⓜⓔ", same},
	{"superscript", "acme2", "acme²", same},
	{"subscript", "acme2", "acme₂", same},
	{"circled digit", "acme1", "acme①", same},
	{"full width digit", "acme1", "acme１", same},
	{"Arabic-Indic digit", "acme1", "acme١", another},
	{"Roman numeral", "acme iv", "acme ⅳ", same},
	{"small capital", "acme", "ᴀcme", another},
	{"ordinal", "acmea", "acmeª", same},
	{"ellipsis", "acme...", "acme…", same},
	{"number sign", "no 1", "№ 1", same},

	{"Cyrillic a", "acme", "\u0430cme", unfit},
	{"Cyrillic c", "acme", "a\u0441me", unfit},
	{"Cyrillic e last", "acme", "acm\u0435", unfit},
	{"Greek alpha", "acme", "\u03b1cme", unfit},
	{"Greek capital", "ACME", "\u0391CME", unfit},
	{"Greek omicron", "root", "r\u03bfot", unfit},
	{"Armenian o", "root", "ro\u0585t", unfit},
	{"Cherokee", "ACME", "\u13aaCME", unfit},
	{"Coptic", "root", "r\u2c9foot", unfit},
	{"Lisu", "ACME", "\ua4eeCME", unfit},
	{"Latin in a Cyrillic word", "Москва", "Mосква", unfit},
	{"Greek in a Cyrillic word", "Москва", "Μосква", unfit},
	{"Latin in a Greek word", "Αθήνα", "Aθήνα", unfit},
	{"mixed in the second word", "acme inc", "acme in\u0441", unfit},
	{"mixed behind a hyphen", "web-acme", "web-\u0430cme", unfit},
	{"mixed with a digit between", "a1b", "a1\u044c", unfit},
	{"mixed with a mark between", "a\u0308b", "a\u0308\u0431", unfit},
	{"alphabets in words of their own", "АО Acme", "ао acme", same},
	{"alphabets joined by a dot", "acme.рф", "ACME.РФ", same},
	{"all Cyrillic", "cocoa", "сосоа", another},
	{"Cyrillic upper case", "москва", "МОСКВА", same},
	{"Cyrillic io", "ёлка", "елка", another},
	{"Cyrillic short i decomposed", "\u0439од", "\u0438\u0306од", same},
	{"Greek upper case", "αθηνα", "ΑΘΗΝΑ", same},
	{"Greek final sigma", "ελλας", "ΕΛΛΑΣ", same},
	{"Greek tonos", "αθήνα", "αθηνα", another},
	{"Latin beside Han", "acme東京", "ACME東京", same},
	{"Han variant", "東京", "东京", another},
	{"Han compatibility", "\u8c48", "\uf900", same},
	{"Katakana and Hiragana", "アクメ", "あくめ", another},
	{"micro sign", "µ1", "μ1", same},
	{"Georgian capitals", "თბილისი", "ᲗᲑᲘᲚᲘᲡᲘ", same},
	{"Deseret upper case", "𐐨𐐩", "𐐀𐐁", same},

	{"zero width blank", "acme", "ac\u200bme", unfit},
	{"zero width joiner", "acme", "ac\u200dme", unfit},
	{"soft hyphen", "acme", "ac\u00adme", unfit},
	{"word joiner", "acme", "acme\u2060", unfit},
	{"byte order mark", "acme", "\ufeffacme", unfit},
	{"tag character", "acme", "acme\U000e0061", unfit},
	{"Hangul filler", "acme", "acme\u3164", unfit},
	{"half width Hangul filler", "acme", "acme\uffa0", unfit},
	{"Hangul choseong filler", "acme", "acme\u115f", unfit},
	{"Khmer inherent vowel", "acme", "acme\u17b4", unfit},
	{"grapheme joiner", "acme", "ac\u034fme", unfit},
	{"variation selector", "acme", "acme\ufe0f", unfit},
	{"Mongolian selector", "acme", "acme\u180b", unfit},
	{"ideographic selector", "東", "東\U000e0100", unfit},
	{"Braille blank", "acme", "acme\u2800", unfit},
	{"private use", "acme", "acme\ue000", unfit},
	{"newline", "acme", "acme\n", unfit},
	{"tab", "acme inc", "acme\tinc", unfit},
	{"NUL", "acme", "acme\x00", unfit},
	{"escape", "acme", "\x1b[8macme", unfit},
	{"C1 control", "acme", "acme\u009b", unfit},
	{"broken UTF-8", "acme", "acme\xff", unfit},
	{"a surrogate's bytes", "acme", "acme\xed\xa0\x80", unfit},
	{"overlong", "acme", "acme\xc0\xaf", unfit},

	{"right to left override", "acme", "\u202eemca", unfit},
	{"left to right mark", "acme", "acme\u200e", unfit},
	{"Arabic letter mark", "acme", "acme\u061c", unfit},
	{"isolate", "acme", "\u2067acme\u2069", unfit},
	{"Hebrew", "אבג", "אבד", another},
	{"Hebrew point", "שלום", "שָׁלוֹם", another},
	{"Arabic form", "سلام", "ﺳﻼﻡ", same},
	{"Arabic tatweel", "سلام", "سـلام", another},
}

// shared are the things whose names everybody shares, each as one entry of an
// apply file, with the field that names it.
var shared = map[string]func(name string) core.Desired{
	"organization": func(name string) core.Desired { return core.Desired{Organizations: []string{name}} },
	"location":     func(name string) core.Desired { return core.Desired{Locations: []string{name}} },
	"project":      func(name string) core.Desired { return core.Desired{Projects: []core.DesiredProject{{Name: name}}} },
	"application": func(name string) core.Desired {
		return core.Desired{Applications: []core.DesiredApplication{{Name: name}}}
	},
	"device": func(name string) core.Desired {
		return core.Desired{Devices: []core.DesiredDevice{{Hostname: name, Address: "a", Type: "t", Vendor: "v", Model: "m", Site: "s"}}}
	},
}

// Of each thing that has a name for everybody there is one where people would
// see one.
func TestNamesThatLookAlike(t *testing.T) {
	t.Parallel()
	if len(lookAlikes) < 100 {
		t.Fatalf("%d pairs, want a hundred", len(lookAlikes))
	}
	onEach(t, func(t *testing.T, w *world) {
		for kind, entry := range shared {
			for i, n := range lookAlikes {
				// Each pair has names of its own: a number before, in a word of its own.
				first, second := fmt.Sprintf("%d %s", i, n.first), fmt.Sprintf("%d %s", i, n.second)
				if strings.TrimSpace(n.second) == "" {
					second = n.second
				}
				w.apply(entry(first))
				lines, err := w.Apply(t.Context(), operator, entry(second), false)
				if got := fateOf(lines, err); got != n.want {
					t.Errorf("%s %q beside %q (%s): %s (%v, %v), want %s", kind, second, first, n.attack, got, lines, err, n.want)
				}
			}
		}
	})
}

func fateOf(lines []core.ChangeLine, err error) fate {
	switch {
	case err != nil && core.KindOf(err) == core.Invalid:
		return unfit
	case err != nil:
		return fate(err.Error())
	}
	for _, l := range lines {
		if l.Op == "create" {
			return another
		}
	}
	return same
}

func TestIdentityIsStable(t *testing.T) {
	t.Parallel()
	for _, n := range lookAlikes {
		for _, name := range []string{n.first, n.second} {
			if once := core.Identity(name); core.Identity(once) != once {
				t.Errorf("Identity(%q) = %q, but that becomes %q", name, once, core.Identity(once))
			}
		}
		if got := core.Identity(n.first) == core.Identity(n.second); n.want != unfit && got != (n.want == same) {
			t.Errorf("%q and %q (%s): the same: %t, want %s", n.first, n.second, n.attack, got, n.want)
		}
	}
}

// wantRefusedAt checks that a field, and no other, was invalid.
func wantRefusedAt(t *testing.T, what string, err error, field string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error, want %s to be invalid", what, field)
	} else if got := fieldsOf(err); core.KindOf(err) != core.Invalid || len(got) != 1 || !strings.HasPrefix(got[0], field+": ") {
		t.Errorf("%s: %v (%v), want %s to be invalid", what, err, core.KindOf(err), field)
	}
}

// Logins are ASCII, so that none looks like another's in another script, and
// one however they are written.
func TestLoginsAreASCII(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, n := range lookAlikes {
		_, err := w.AddAccount(t.Context(), operator, core.NewAccount{Login: n.second})
		if outside := strings.ContainsFunc(n.second, func(r rune) bool { return r <= ' ' || r > '~' }); outside || n.second == "" {
			wantRefusedAt(t, fmt.Sprintf("login %q (%s)", n.second, n.attack), err, "login")
		} else if err != nil && core.KindOf(err) != core.Conflict {
			t.Errorf("login %q (%s): %v", n.second, n.attack, err)
		}
	}
	_, err := w.AddAccount(t.Context(), operator, core.NewAccount{Login: "aCmE"})
	wantError(t, "a login in another case", err, core.Conflict, "login: is already taken")
}

// An e-mail is one however it is sent, and cannot be made to look like another:
// keys are adopted by it, and people log in with it.
func TestEmailsThatLookAlike(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		const email = "jörg@müller.example"
		w.apply(core.Desired{Accounts: []core.DesiredAccount{{Login: "joerg", Email: email, Password: vault.NewSecret(ownPassword)}}})
		for _, as := range []string{email, "jo\u0308rg@mu\u0308ller.example", "JöRG@MüLLER.EXAMPLE"} {
			if a, err := w.AccountRef(t.Context(), operator, as); err != nil || a.Login != "joerg" {
				t.Errorf("AccountRef(%q) = %q, %v, want joerg", as, a.Login, err)
			}
			if _, err := w.LogIn(t.Context(), core.Credentials{Email: as, Password: ownPassword}, core.Origin{}); err != nil {
				t.Errorf("LogIn(%q): %v", as, err)
			}
		}
		for attack, as := range map[string]string{
			"Cyrillic o": "j\u043erg@muller.example", "Greek domain": "joerg@m\u03c5ller.example", "Cyrillic domain": "joerg@\u0430cme.example",
			"decomposed": "jo\u0308rg@muller.example", "filler": "joerg\u3164@muller.example", "joiner": "joe\u200drg@muller.example",
			"override": "joerg\u202e@muller.example", "selector": "joerg\ufe0f@muller.example",
		} {
			_, err := w.AddAccount(t.Context(), operator, core.NewAccount{Login: "mallory", Email: as})
			wantRefusedAt(t, attack, err, "email")
		}
	})
}

// Of those who take a name at once, each in a spelling of his own, one gets it.
func TestNamesAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		spellings := []string{"acme", "ACME", "Acme", "ａｃｍｅ", "acme ", "aCME", "acMe", "𝐚𝐜𝐦𝐞"}
		oneWins(t, atOnce(len(spellings), func(i int) error {
			return second(w.AddProject(t.Context(), operator, core.NewProject{Name: spellings[i]}))
		}), "name: is already the name of another project")
	})
}
