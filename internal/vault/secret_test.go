package vault_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"keyrack/internal/vault"

	"go.yaml.in/yaml/v4"
)

const canary = "canary-7f3a-hunter2"

// leaks reports whether text holds the canary in clear or in a coding that the
// ways of printing use.
func leaks(text string) bool {
	text = strings.ToLower(text)
	for _, form := range []string{
		canary, hex.EncodeToString([]byte(canary)), fmt.Sprintf("% x", canary), fmt.Sprintf("%# x", canary),
		base64.StdEncoding.EncodeToString([]byte(canary)), strings.Trim(fmt.Sprint([]byte(canary)), "[]"),
		strings.Trim(strings.ReplaceAll(fmt.Sprintf("%#v", []byte(canary)), "[]byte", ""), "{}"),
	} {
		if strings.Contains(text, strings.ToLower(form)) {
			return true
		}
	}
	return false
}

func TestLeaksSeesEveryForm(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"%v", "%s", "%q", "%x", "%X", "% x", "%# x", "%#v", "%d"} {
		if text := fmt.Sprintf(format, []byte(canary)); !leaks(text) {
			t.Errorf("leaks(%q) = false, want true", text)
		}
	}
}

func TestSecretReveals(t *testing.T) {
	t.Parallel()
	raw := []byte(canary)
	fromBytes, fromString := vault.NewSecret(raw), vault.NewSecret(canary)
	clear(raw)
	for _, s := range []vault.Secret{fromBytes, fromString} {
		clear(s.Bytes())
		if s.Reveal() != canary || string(s.Bytes()) != canary || s.IsZero() {
			t.Errorf("Reveal() = %q, Bytes() = %q, IsZero() = %v, want %q twice, false", s.Reveal(), s.Bytes(), s.IsZero(), canary)
		}
	}
	for _, s := range []vault.Secret{{}, vault.NewSecret(""), vault.NewSecret([]byte(nil))} {
		if s.Reveal() != "" || len(s.Bytes()) != 0 || !s.IsZero() {
			t.Errorf("Reveal() = %q, Bytes() = %q, IsZero() = %v, want nothing twice, true", s.Reveal(), s.Bytes(), s.IsZero())
		}
	}
}

// What people write without a thought, in the shapes they write it in.
func TestSecretIsNotFormatted(t *testing.T) {
	t.Parallel()
	s := vault.NewSecret(canary)
	type exported struct{ Token vault.Secret }
	type unexported struct{ token vault.Secret }
	shapes := map[string]struct {
		value any
		named bool // fmt reaches the methods, so the word must be there
	}{
		"value":               {s, true},
		"pointer":             {&s, true},
		"slice":               {[]vault.Secret{s}, true},
		"map":                 {map[string]vault.Secret{"token": s}, true},
		"exported field":      {exported{s}, true},
		"pointer to exported": {&exported{s}, true},
		"unexported field":    {unexported{s}, false},
		"pointer to it":       {&unexported{s}, false},
		"interface in slice":  {[]any{unexported{s}, exported{s}}, true},
	}
	for name, shape := range shapes {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%c", "%U", "%t", "%e", "%b", "%w", "%10.3s", "%p", "%!"} {
			text := fmt.Sprintf(verb, shape.value)
			if leaks(text) {
				t.Errorf("%s: Sprintf(%q) = %s, which leaks", name, verb, text)
			}
			if verb == "%v" && shape.named && !strings.Contains(text, "REDACTED") {
				t.Errorf("%s: Sprintf(%q) = %s, want REDACTED in it", name, verb, text)
			}
		}
	}
	if err := fmt.Errorf("login with %v: %w", s, errors.ErrUnsupported); leaks(err.Error()) {
		t.Errorf("Errorf = %v, which leaks", err)
	}
	if s.String() != "REDACTED" || s.GoString() != "REDACTED" {
		t.Errorf("String() = %q, GoString() = %q, want REDACTED", s.String(), s.GoString())
	}
}

func TestSecretIsNotEncoded(t *testing.T) {
	t.Parallel()
	type settings struct {
		Token vault.Secret
		token vault.Secret
		Inner map[string]*vault.Secret
	}
	type element struct {
		Token vault.Secret
		Attr  vault.Secret `xml:",attr"`
	}
	s := vault.NewSecret(canary)
	in := settings{Token: s, token: s, Inner: map[string]*vault.Secret{"x": &s}}
	encodings := map[string]struct {
		encode func(any) ([]byte, error)
		value  any
	}{
		"json":       {json.Marshal, in},
		"json alone": {json.Marshal, s},
		"yaml":       {yaml.Marshal, in},
		"yaml alone": {yaml.Marshal, s},
		"xml":        {xml.Marshal, element{s, s}},
		"text":       {func(any) ([]byte, error) { return s.MarshalText() }, nil},
	}
	for name, e := range encodings {
		out, err := e.encode(e.value)
		if err != nil || leaks(string(out)) || !bytes.Contains(out, []byte("REDACTED")) {
			t.Errorf("%s = %s, %v, want REDACTED in it and no leak", name, out, err)
		}
	}
	if in.token.Reveal() != canary {
		t.Errorf("Reveal() after encoding = %q, want %q", in.token.Reveal(), canary)
	}
}

func TestSecretIsNotLogged(t *testing.T) {
	t.Parallel()
	type account struct {
		Login string
		token vault.Secret
	}
	s := vault.NewSecret(canary)
	var out bytes.Buffer
	everything := &slog.HandlerOptions{Level: slog.LevelDebug}
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, everything), slog.NewJSONHandler(&out, everything)} {
		out.Reset()
		log := slog.New(h).With("with", s)
		log.Debug("login", "secret", s, "pointer", &s, slog.Group("in", "group", s), "account", account{"ada", s}, "list", []vault.Secret{s})
		if leaks(out.String()) || strings.Count(out.String(), "REDACTED") < 5 {
			t.Errorf("%T wrote %s, want REDACTED 5 times and no leak", h, out.String())
		}
	}
}
