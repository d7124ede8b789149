package yamlfile

import (
	"strings"
	"testing"
)

// laughs is a document of a few lines that stands for 10^depth words.
func laughs(depth int) string {
	var b strings.Builder
	b.WriteString("free:\n  a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n")
	for i := range depth {
		name, below := string(rune('b'+i)), "*"+string(rune('a'+i))
		if i == 0 {
			below = "*a0"
		}
		b.WriteString("  " + name + ": &" + name + " [" + strings.Repeat(below+", ", 9) + below + "]\n")
	}
	return b.String()
}

// Each of these wants memory, time or stack that the file's size does not show.
func TestBombs(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, yaml, want string }{
		{"billion laughs", laughs(9), "aliases repeat too much; write the values out"},
		{"one anchor, a hundred thousand aliases", "words: [&a x" + strings.Repeat(",\n*a", maxAliased) + "]", "aliases repeat too much; write the values out"},
		{"anchor within itself", "free: &a {b: *a}", "is nested too deeply"},
		{"list within itself", "items: &a [*a]", "must be a mapping with keys as name, nick, not a list"},
		{"nested lists", "free: {a: " + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + "}", "is nested too deeply"},
		{"a stack of brackets", strings.Repeat("[", 10<<20), "not YAML: exceeded max depth of 10000"},
		{"a stack of braces", strings.Repeat("{a: ", 2<<20), "not YAML: exceeded max depth of 10000"},
		{"a stack of dashes", strings.Repeat("- ", 5<<20), "not YAML: exceeded max depth of 10000"},
		{"a stack of questions", strings.Repeat("? ", 5<<20), "not YAML: exceeded max depth of 10000"},
		{"ten million commas", "[" + strings.Repeat(",", 10<<20), "the file has 10485760 lines and commas; at most 2097152 are read, so split it"},
		{"ten million lines", strings.Repeat("\n", 10<<20), "the file has 10485760 lines and commas; at most 2097152 are read, so split it"},
		{"a disk image", strings.Repeat("\x00", maxSize+1), "the file has 67108865 bytes; at most 67108864 are read, so split it"},
		{"a million letters", "a: " + strings.Repeat("x", 1<<20), `unknown key "a"`},
		{"a key of a million letters", strings.Repeat("x", 1<<20) + ": a", `unknown key "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"...`},
		{"twenty thousand keys", strings.Repeat("a: b\n", 20_000), `unknown key "a"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := Decode("f.yaml", []byte(tt.yaml), &sample{})
			problems := f.Problems()
			if len(problems) == 0 || !strings.Contains(problems[0].Msg, tt.want) {
				t.Fatalf("Decode = %.300v, want first %q", problems, tt.want)
			}
			if len(problems) > maxProblems+1 {
				t.Errorf("Decode tells %d problems", len(problems))
			}
		})
	}
}

// A tame document with aliases is none of these.
func TestAliasesWithinBounds(t *testing.T) {
	t.Parallel()
	var s sample
	f := Decode("f.yaml", []byte(laughs(3)), &s)
	if p := f.Problems(); len(p) > 0 {
		t.Errorf("Decode of %d aliased words: %v", 10*10*10*10, p)
	}
}
