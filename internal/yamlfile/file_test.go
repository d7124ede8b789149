package yamlfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"keyrack/internal/vault"
)

func TestAt(t *testing.T) {
	t.Parallel()
	f := Decode("f.yaml", []byte(`text: a
items:
  - name: a
    nick: b
  - name: c
item: {
  name: a,
  nick: b}
free:
  deep: &d
    - x: 1
  again: *d
secret_file: x
`), &sample{})
	tests := []struct {
		path string
		want string
	}{
		{"text", "f.yaml:1: text: m"},
		{"items", "f.yaml:2: items: m"},
		{"items[0]", "f.yaml:3: items[0]: m"},
		{"items[0].nick", "f.yaml:4: items[0].nick: m"},
		{"items[1].name", "f.yaml:5: items[1].name: m"},
		{"items[1].nick", "f.yaml:5: items[1].nick: m"}, // not there: its item
		{"items[2].name", "f.yaml:2: items[2].name: m"}, // no such item: the list
		{"items[-1]", "f.yaml:2: items[-1]: m"},
		{"item.nick", "f.yaml:8: item.nick: m"},
		{"free.again[0].x", "f.yaml:11: free.again[0].x: m"}, // where the alias has it from
		{"text.below", "f.yaml:1: text.below: m"},
		{"words", "f.yaml:1: words: m"},
		{"secret", "f.yaml:13: secret_file: m"}, // the key that gives it
		{"", "f.yaml:1: m"},
		{"]][[..", "f.yaml:1: ]][[..: m"},
	}
	for _, tt := range tests {
		if got := f.At(tt.path, "m").String(); got != tt.want {
			t.Errorf("At(%q) = %q, want %q", tt.path, got, tt.want)
		}
		f.LetGo()
		if got := f.At(tt.path, "m").String(); got != tt.want {
			t.Errorf("At(%q) = %q once it was let go, want %q", tt.path, got, tt.want)
		}
	}
	if !f.Has("items[0].nick") || f.Has("items[1].nick") || f.Has("words") {
		t.Error("Has does not tell what the file says")
	}
}

func TestErrorKeepsItsCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	err := NewError([]Problem{{Where: "f.yaml", Line: 1, Msg: "m"}}, cause)
	if !errors.Is(err, cause) || err.Error() != "f.yaml:1: m" {
		t.Errorf("NewError = %v, want the problem alone, wrapping its cause", err)
	}
	if err := NewError(nil, nil); err != nil {
		t.Errorf("NewError of nothing = %v, want nil", err)
	}
}

// writeFile makes a file beside f.yaml and gives the directory.
func writeFile(t *testing.T, name, content string, mode os.FileMode) (dir string) {
	t.Helper()
	dir = t.TempDir()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestSecretFile(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, content string
		mode          os.FileMode
		want, problem string
		warning       string
	}{
		{name: "newline", content: "hunter2\n", mode: 0o600, want: "hunter2"},
		{name: "no newline", content: "hunter2", mode: 0o400, want: "hunter2"},
		{name: "Windows newline", content: "hunter2\r\n", mode: 0o600, want: "hunter2"},
		{name: "blanks are part of it", content: " hunter2 \n\n", mode: 0o600, want: " hunter2 \n"},
		{name: "group reads", content: "hunter2", mode: 0o640, want: "hunter2", warning: "has mode 0640, which lets others at it; chmod it to 0600"},
		{name: "world writes", content: "hunter2", mode: 0o602, want: "hunter2", warning: "has mode 0602, which lets others at it; chmod it to 0600"},
		{name: "empty", content: "\n", mode: 0o600, problem: "is empty; put the value into it"},
		{name: "disk image", content: strings.Repeat("x", maxContent+1), mode: 0o600, problem: "has more than 65536 bytes; it should hold one value"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := writeFile(t, "s", tt.content, tt.mode)
			f, got := readSecret(filepath.Join(dir, "f.yaml"), "\nsecret_file: s")
			if got.Reveal() != tt.want {
				t.Errorf("Secret = %q, want %q", got.Reveal(), tt.want)
			}
			checkNotes(t, "problem", f.Problems(), dir, tt.problem)
			checkNotes(t, "warning", f.Warnings(), dir, tt.warning)
		})
	}
}

// readSecret decodes a document and gives the secret in it.
func readSecret(name, content string) (*File, vault.Secret) {
	var s sample
	f := Decode(name, []byte(content), &s)
	return f, f.Secret("secret", s.Secret, s.File)
}

func checkNotes(t *testing.T, what string, got []Problem, dir, want string) {
	t.Helper()
	if want == "" {
		if len(got) > 0 {
			t.Errorf("%s %v, want none", what, got)
		}
		return
	}
	want = fmt.Sprintf("%s/f.yaml:2: secret_file: %q %s", dir, dir+"/s", want)
	if len(got) != 1 || got[0].String() != want {
		t.Errorf("%s %v, want %s", what, got, want)
	}
}

// What stands where a file should be must neither hang nor be read for ever.
func TestSecretFilesThatAreNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("loop", filepath.Join(dir, "loop")); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ path, want string }{
		{"pipe", `read "` + dir + `/pipe": not a regular file; put the value into one`},
		{".", `read "` + dir + `": not a regular file; put the value into one`},
		{"/dev/zero", `read "/dev/zero": not a regular file; put the value into one`},
		{"none", `read "` + dir + `/none": no such file or directory`},
		{"loop", `read "` + dir + `/loop": too many levels of symbolic links`},
		{`"a\0b"`, `read "` + dir + `/a\x00b": invalid argument`},
		{`"\e[2J"`, `read "` + dir + `/\x1b[2J": no such file or directory`},
		{`"` + strings.Repeat("x", 5000) + `"`, `read "` + dir + `/` + strings.Repeat("x", 5000) + `": file name too long`},
	}
	for _, tt := range tests {
		f, secret := readSecret(dir+"/f.yaml", "secret_file: "+tt.path)
		want := dir + "/f.yaml:1: secret_file: " + tt.want
		if got := NewError(f.Problems(), nil); got == nil || got.Error() != want {
			t.Errorf("secret_file: %.40s: %v, want %s", tt.path, got, want)
		}
		if !secret.IsZero() {
			t.Errorf("secret_file: %.40s gives a secret", tt.path)
		}
	}
}

func TestSecretGivenTwice(t *testing.T) {
	t.Parallel()
	f, _ := readSecret("f.yaml", "secret: a\nsecret_file: b")
	const want = "f.yaml:2: secret_file: is given beside secret; give one of them"
	if got := NewError(f.Problems(), nil); got == nil || got.Error() != want {
		t.Errorf("Secret: %v, want %s", got, want)
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	dir := writeFile(t, "key.pub", "ssh-ed25519 AAAA\n", 0o644)
	f := Decode(dir+"/f.yaml", nil, &sample{})
	if got := f.Text("text", "", "key.pub"); got != "ssh-ed25519 AAAA" || len(f.Problems())+len(f.Warnings()) > 0 {
		t.Errorf("Text = %q, %v, %v; want the file's, and no word about its mode", got, f.Problems(), f.Warnings())
	}
	if got := f.Text("text", "inline", ""); got != "inline" {
		t.Errorf("Text = %q, want %q", got, "inline")
	}
}
