package yamlfile

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"keyrack/internal/vault"
)

// sample has a field of every type that is read.
type sample struct {
	Text   string         `yaml:"text"`
	Secret vault.Secret   `yaml:"secret"`
	File   Path           `yaml:"secret_file"`
	Flag   bool           `yaml:"flag"`
	Count  int            `yaml:"count"`
	Length time.Duration  `yaml:"length"`
	Addr   netip.Addr     `yaml:"addr"`
	Prefix netip.Prefix   `yaml:"prefix"`
	ID     uuid.UUID      `yaml:"id"`
	Level  slog.Level     `yaml:"level"`
	Words  []string       `yaml:"words"`
	Item   item           `yaml:"item"`
	Items  []item         `yaml:"items"`
	Maybe  *item          `yaml:"maybe"`
	Free   map[string]any `yaml:"free"`
	Own    int            // no key reaches it
}

type item struct {
	Name string `yaml:"name,required"`
	Nick string `yaml:"nick"`
}

var equal = cmp.Options{
	cmp.Comparer(func(a, b vault.Secret) bool { return a.Reveal() == b.Reveal() }),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
}

func TestDecode(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, yaml string
		want       sample
	}{
		{"nothing", "", sample{}},
		{"comments alone", "# text: a\n", sample{}},
		{"null", "---\n~\n", sample{}},
		{"byte order mark", "\ufefftext: a", sample{Text: "a"}},
		{"Windows", "text: a\r\ncount: 1\r\n", sample{Text: "a", Count: 1}},
		{"JSON", `{"text": "a\u00e9", "words": ["b"], "flag": true}`, sample{Text: "aé", Words: []string{"b"}, Flag: true}},

		{"text that looks like a number", "text: 0123", sample{Text: "0123"}},
		{"text that looks like a version", "text: 1.10", sample{Text: "1.10"}},
		{"text that looks like a float", "secret: 1e3", sample{Secret: vault.NewSecret("1e3")}},
		{"text that looks like a large number", "secret: 1111111111111111111111111111111111111111", sample{Secret: vault.NewSecret("1111111111111111111111111111111111111111")}},
		{"text that looks like a date", "text: 2027-01-31", sample{Text: "2027-01-31"}},
		{"text that looks like a choice", "words: [no, off, true, .inf]", sample{Words: []string{"no", "off", "true", ".inf"}}},
		{"text tagged as such", "text: !!str 5", sample{Text: "5"}},
		{"block", "text: |\n  a\n  b\n", sample{Text: "a\nb\n"}},
		{"escaped NUL", `text: "a\0b"`, sample{Text: "a\x00b"}},

		{"yes", "flag: yes", sample{Flag: true}},
		{"On", "flag: On", sample{Flag: true}},
		{"TRUE", "flag: TRUE", sample{Flag: true}},
		{"no", "flag: no", sample{}},
		{"negative", "count: -5", sample{Count: -5}},
		{"seconds", "length: 90s", sample{Length: 90 * time.Second}},
		{"days", "length: 30d", sample{Length: 30 * 24 * time.Hour}},
		{"mixed length", "length: 1h30m", sample{Length: 90 * time.Minute}},
		{"addresses", "{addr: 'fd00::5', prefix: 10.0.0.0/8}", sample{Addr: netip.MustParseAddr("fd00::5"), Prefix: netip.MustParsePrefix("10.0.0.0/8")}},
		{"UUID", "id: 0198c1e0-5a3b-7c44-9a51-0f6b3c2d1e00", sample{ID: uuid.MustParse("0198c1e0-5a3b-7c44-9a51-0f6b3c2d1e00")}},
		{"level", "level: warn", sample{Level: slog.LevelWarn}},

		{"commented-out items", "words:\n  # - a\ntext: b", sample{Text: "b"}},
		{"structs", "items: [{name: a}, {name: b, nick: c}]\nmaybe: {name: d}", sample{
			Items: []item{{Name: "a"}, {Name: "b", Nick: "c"}}, Maybe: &item{Name: "d"},
		}},
		{"alias", "item: &a {name: a}\nmaybe: *a\nitems: [*a, *a]", sample{
			Item: item{Name: "a"}, Maybe: &item{Name: "a"}, Items: []item{{Name: "a"}, {Name: "a"}},
		}},
		{"free", "free: {n: 1, f: 1.5, b: true, z: null, s: 2027-01-31, 5: {x: [0x10, no]}}", sample{Free: map[string]any{
			"n": 1, "f": 1.5, "b": true, "z": nil, "s": "2027-01-31", "5": map[string]any{"x": []any{16, "no"}},
		}}},
		{"free and empty", "free: {}", sample{Free: map[string]any{}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got sample
			f := Decode("f.yaml", []byte(tt.yaml), &got)
			if p := f.Problems(); len(p) > 0 {
				t.Fatalf("Decode(%q): %v", tt.yaml, p)
			}
			if diff := cmp.Diff(tt.want, got, equal); diff != "" {
				t.Errorf("Decode(%q) (-want +got):\n%s", tt.yaml, diff)
			}
		})
	}
}

func TestDecodeLeavesWhatIsNotSaid(t *testing.T) {
	t.Parallel()
	got := sample{Text: "default", Count: 7, Length: time.Minute, Addr: netip.MustParseAddr("::1"), Own: 1}
	f := Decode("f.yaml", []byte("count: 8\nlength: soon\naddr: x\nown: 2\nOwn: 2"), &got)
	want := sample{Text: "default", Count: 8, Length: time.Minute, Addr: netip.MustParseAddr("::1"), Own: 1}
	if diff := cmp.Diff(want, got, equal); diff != "" {
		t.Errorf("Decode (-want +got):\n%s", diff)
	}
	if n := len(f.Problems()); n != 4 {
		t.Errorf("Decode finds %d problems, want 4: %v", n, f.Problems())
	}
}

const known = "text, secret, secret_file, flag, count, length, addr, prefix, id, level, words, item, items, maybe, free"

func TestProblems(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, yaml, want string }{
		{"misspelt", "\ntexd: a", `2: unknown key "texd"; did you mean "text"?`},
		{"swapped case", "Text: a", `1: unknown key "Text"; did you mean "text"?`},
		{"unknown", "colour: a", `1: unknown key "colour"; known here are ` + known},
		{"unknown below", "items:\n- name: a\n  size: 5", `3: items[0]: unknown key "size"; known here are name, nick`},
		{"unknown and empty", "'': a", `1: unknown key ""; known here are ` + known},
		{"missing", "items:\n- {name: a}\n- {nick: b}", "3: items[1]: name is missing"},
		{"missing though there", "items:\n- {name: a}\n- {name: ''}", "3: items[1].name: must not be empty"},
		{"missing behind a tag", "items:\n- {name: !}", "2: items[0].name: must not be empty"},
		{"missing of nothing", "items:\n- {name: a}\n-", "3: items[1]: name is missing"},
		{"twice", "text: a\ncount: 1\ntext: b", `3: key "text" is given twice, first on line 1; remove one`},
		{"twice in a free part", "free:\n  a: 1\n  a: 2", `3: free: key "a" is given twice, first on line 2; remove one`},
		{"twice, once quoted", "text: a\n\"text\": b", `2: key "text" is given twice, first on line 1; remove one`},
		{"key that is a list", "? [a]\n: b", "1: a key must be a word"},
		{"key that is nothing", "? \n: b", "1: a key must be a word"},

		{"list for text", "text: [a]", "1: text: must be text, not a list"},
		{"mapping for text", "text: {a: b}", "1: text: must be text, not a mapping"},
		{"nothing for text", "text:\ncount: 1", "1: text: has no value; it must be text, or the key be left out"},
		{"empty secret", "secret: ''", "1: secret: must be text that is not empty"},
		{"empty path", "secret_file: ''", "1: secret_file: must be the path of a file"},
		{"text for a list", "words: a", "1: words: must be a list"},
		{"mapping for a list", "words: {a: b}", "1: words: must be a list, not a mapping"},
		{"list in a list", "words: [[a]]", "1: words[0]: must be text, not a list"},
		{"list for a mapping", "item: []", "1: item: must be a mapping with keys as name, nick, not a list"},
		{"nothing for what may be there", "maybe:", "1: maybe: has no value; it must be a mapping, or the key be left out"},
		{"list for a free part", "free: []", "1: free: must be a mapping, not a list"},
		{"document that is a list", "- text: a", "1: must be a mapping with keys as " + known + ", not a list"},
		{"document that is text", "hello", "1: must be a mapping with keys as " + known},
		{"quoted choice", "flag: 'no'", "1: flag: must be true or false, without quotes"},
		{"other choice", "flag: maybe", "1: flag: must be true or false, without quotes"},
		{"number for a choice", "flag: 1", "1: flag: must be true or false, without quotes"},
		{"octal", "count: 010", "1: count: must be a whole number"},
		{"fraction", "count: 1.0", "1: count: must be a whole number"},
		{"overflow", "count: 9223372036854775808", "1: count: must be a whole number"},
		{"length without unit", "length: 30", "1: length: must be a length of time, as 90s, 12h or 30d"},
		{"negative length", "length: -1s", "1: length: must be a length of time, as 90s, 12h or 30d"},
		{"length beyond all", "length: 999999d", "1: length: must be a length of time, as 90s, 12h or 30d"},
		{"address", "addr: 10.0.0", "1: addr: must be an IP address, as 10.0.0.5 or fd00::5"},
		{"prefix", "prefix: 10.0.0.5", "1: prefix: must be a network, as 10.0.0.0/8, or 10.0.0.5/32 for one address"},
		{"UUID", "id: 5", "1: id: must be a UUID, as 0198c1e0-5a3b-7c44-9a51-0f6b3c2d1e00"},
		{"not a number", "free: {a: .nan}", "1: free.a: must be text, a finite number, true, false or null"},

		{"tag", "text: !!binary aGk=", "1: text: tags are not understood; put quotes around text that begins with !"},
		{"tag of a program", "item: !!python/object:os.system {name: a}", "1: item: tags are not understood; put quotes around text that begins with !"},
		{"merge key", "item: &a {name: a}\nmaybe:\n  <<: *a\n  name: b", `3: maybe: merge keys ("<<") are not understood; write the keys out`},

		{"tab", "item:\n\tname: a", "2: not YAML: found character that cannot start any token; indent with spaces, not tabs"},
		{"open quote", "text: \"a\n", "2: not YAML: found unexpected end of stream (while scanning a quoted scalar from line 1 on); look at the indentation, " +
			"and put quotes around text with a colon or # in it or a special character in front"},
		{"NUL", "text: a\ncount: \x00", "2: not YAML: control characters are not allowed (value: 0); remove the character"},
		{"escape sequence", "text: \x1b[2J", "1: not YAML: control characters are not allowed (value: 27); remove the character"},
		{"Latin-1", "text: a\nwords: [\xe9]", "2: this is not UTF-8; save the file as UTF-8"},
		{"UTF-16", "\xff\xfet\x00", "1: this is not UTF-8; save the file as UTF-8"},
		{"anchor that is not there", "secret: *hunter2", "1: not YAML: an alias without its anchor; put quotes around text that begins with *"},
		{"second document", "text: a\n---\ntext: b", "2: a second YAML document begins here; put everything into one, without --- in between"},
		{"broken second document", "text: a\n---\n[", "4: not YAML: did not find expected node content; is a quote or bracket left open?"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := Decode("f.yaml", []byte(tt.yaml), &sample{})
			err := NewError(f.Problems(), nil)
			if want := "f.yaml:" + tt.want; err == nil || err.Error() != want {
				t.Errorf("Decode(%q) = %v, want %s", tt.yaml, err, want)
			}
		})
	}
}

func TestAllProblemsAreToldByLine(t *testing.T) {
	t.Parallel()
	f := Decode("f.yaml", []byte("flag: 1\nitems:\n- size: 5\ntexd: a\ncount: x"), &sample{})
	f.Problemf("items[0]", "is odd")
	f.Problemf("items[0].nick", "is missing, so its item tells where")
	f.Problemf("words", "are missing, so the file tells where")
	want := []string{
		"f.yaml:1: flag: must be true or false, without quotes",
		"f.yaml:1: words: are missing, so the file tells where",
		`f.yaml:3: items[0]: unknown key "size"; known here are name, nick`,
		"f.yaml:3: items[0]: name is missing",
		"f.yaml:3: items[0]: is odd",
		"f.yaml:3: items[0].nick: is missing, so its item tells where",
		`f.yaml:4: unknown key "texd"; did you mean "text"?`,
		"f.yaml:5: count: must be a whole number",
	}
	got := strings.Split(NewError(f.Problems(), nil).Error(), "\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestProblemsHaveAnEnd(t *testing.T) {
	t.Parallel()
	f := Decode("f.yaml", []byte("words:\n"+strings.Repeat("- {}\n", maxProblems+5)), &sample{})
	got := f.Problems()
	want := fmt.Sprintf("f.yaml:%d: and 5 more problems", maxProblems+1)
	if len(got) != maxProblems+1 || got[maxProblems].String() != want {
		t.Errorf("Decode tells %d problems, the last is %v; want %d and %s", len(got), got[len(got)-1], maxProblems+1, want)
	}
}

func TestKeysInMessagesAreHarmless(t *testing.T) {
	t.Parallel()
	for _, key := range []string{`"\e]0;owned\a"`, `"\u202etxet"`, `"a\r\nf.yaml:9: text: fine"`, strings.Repeat("x", 100_000)} {
		f := Decode("f.yaml", []byte("{"+key+": 1}"), &sample{})
		text := NewError(f.Problems(), nil).Error()
		if strings.ContainsAny(text, "\x1b\a\r\n\u202e") || len(text) > 400 {
			t.Errorf("key %.40q gives %.400q", key, text)
		}
	}
}
