package core_test

import (
	"strings"
	"testing"

	"keyrack/internal/core"
	"keyrack/internal/sshkey"
)

const keyText = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBk6k7EMuYtAVb7JHtU98Zx8ROZ9D5WipUVvnBDlzsW5"

func publicKey(t *testing.T) sshkey.PublicKey {
	t.Helper()
	line, err := sshkey.Parse(keyText)
	if err != nil {
		t.Fatal(err)
	}
	return line.Key
}

func TestAuthorizedKeysText(t *testing.T) {
	t.Parallel()
	key := publicKey(t)
	got := core.AuthorizedKeysText("ada", []core.ServedKey{{Name: "laptop", Public: key}, {Name: "", Public: key}})
	want := keyText + " ada:laptop\n" + keyText + " ada:\n"
	if got != want {
		t.Errorf("AuthorizedKeysText = %q, want %q", got, want)
	}
	if got := core.AuthorizedKeysText("ada", nil); got != "" {
		t.Errorf("AuthorizedKeysText of no keys = %q, want nothing", got)
	}
}

// An attacker who may name keys, or logins, wants a line of his own.
func TestAuthorizedKeysTextIsOneLineAKey(t *testing.T) {
	t.Parallel()
	attacks := map[string]string{
		"newline and a key":           "x\n" + keyText + " mallory",
		"newline and options":         "x\ncommand=\"/bin/sh\" " + keyText,
		"carriage return":             "x\rssh-ed25519 AAAA",
		"NUL":                         "x\x00y",
		"line and paragraph ends":     "x\u2028y\u2029z\u0085",
		"escape sequence":             "x\x1b]0;title\x07",
		"text direction":              "x\u202ey",
		"bytes that are no UTF-8":     "x\xff\xfe",
		"vertical tab and form feed":  "x\v\fy",
		"options without a line end":  "command=\"/bin/sh\",no-pty " + keyText,
		"key that looks like options": "restrict,pty",
	}
	key := publicKey(t)
	for attack, text := range attacks {
		t.Run(attack, func(t *testing.T) {
			t.Parallel()
			for _, out := range []string{
				core.AuthorizedKeysText("ada", []core.ServedKey{{Name: text, Public: key}}),
				core.AuthorizedKeysText(text, []core.ServedKey{{Name: "laptop", Public: key}}),
			} {
				line, ended := strings.CutSuffix(out, "\n")
				if !ended || strings.ContainsAny(line, "\n\r\v\f\x00\x1b\u0085\u2028\u2029\u202e") {
					t.Errorf("AuthorizedKeysText = %q, want one line without control characters", out)
				}
				read, err := sshkey.Parse(line)
				if err != nil {
					t.Fatalf("Parse(%q): %v", line, err)
				}
				if !read.Key.Equal(key) || len(read.Options) != 0 {
					t.Errorf("Parse(%q) = %+v, want the key without options", line, read)
				}
			}
		})
	}
}
