package face_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"keyrack/internal/face"
)

func TestJSON(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]struct {
		body any
		want string
	}{
		"in order":  {face.Object{{"b", 1}, {"a", "x"}}, `{"b":1,"a":"x"}`},
		"nested":    {face.Object{{"o", face.Object{}}, {"l", []face.Object{{{"t", true}}, {}}}}, `{"o":{},"l":[{"t":true},{}]}`},
		"written":   {face.Object{{"w", face.Written(func(b []byte) []byte { return face.AppendText(append(b, '['), "<é\n") })}}, `{"w":["<é\n"}`},
		"no list":   {[]face.Object(nil), `null`},
		"in a list": {[]any{face.Object{{"n", nil}}}, `[{"n":null}]`},
		"optional":  {[]any{new("x"), (*string)(nil), []any(nil)}, `["x",null,null]`},
		"markup":    {"<a href='x'>&", `"<a href='x'>&"`},
		"quotes":    {`a"\b`, `"a\"\\b"`},
		"controls":  {"a\n\x00\x1b\x7f", `"a\n\u0000\u001b` + "\x7f" + `"`},
		"letters":   {"é鍵\u2028", `"é鍵\u2028"`},
		"not UTF-8": {"a\xff", `"a\ufffd"`},
		"others":    {face.Object{{"f", 1.5}, {"s", []string{"x"}}, {"i", int64(-7)}}, `{"f":1.5,"s":["x"],"i":-7}`},
	} {
		if got, err := face.JSON(v.body); err != nil || string(got) != v.want {
			t.Errorf("%s: JSON() = %s, %v; want %s", name, got, err, v.want)
		}
	}
	if _, err := face.JSON(face.Object{{"f", func() {}}}); err == nil {
		t.Error("JSON() wrote a function")
	}
}

func FuzzJSONText(f *testing.F) {
	for _, text := range []string{"", "plain", `q"\`, "\x00\x1f\x7f", "\u2028é\xff", "<&>"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var want bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		if err := e.Encode(text); err != nil {
			t.Fatal(err)
		}
		got, err := face.JSON(text)
		if err != nil || string(got)+"\n" != want.String() {
			t.Errorf("JSON(%q) = %s, %v; want %s", text, got, err, want.String())
		}
	})
}
