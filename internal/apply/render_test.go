package apply

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"keyrack/internal/vault"
)

// render writes a document as JSON, which is YAML too.
func render(t *testing.T, d document) []byte {
	t.Helper()
	text, err := json.Marshal(plain(reflect.ValueOf(d)))
	if err != nil {
		t.Fatal(err)
	}
	return ascii(string(text))
}

// plain gives a value of a document as maps, lists and scalars, by the same
// tags that it was read by. What is not said is left out.
func plain(v reflect.Value) any {
	switch x := v.Interface().(type) {
	case vault.Secret:
		return x.Reveal()
	case moment:
		return x.Format(time.RFC3339Nano)
	case lifetime:
		return time.Duration(x).String()
	case fmt.Stringer: // addresses, UUIDs
		return x.String()
	}
	switch v.Kind() {
	case reflect.Struct:
		out := map[string]any{}
		for i := range v.NumField() {
			if name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ","); !isUnsaid(v.Field(i)) {
				out[name] = plain(v.Field(i))
			}
		}
		return out
	case reflect.Slice:
		out := make([]any, v.Len())
		for i := range v.Len() {
			out[i] = plain(v.Index(i))
		}
		return out
	case reflect.Pointer:
		return plain(v.Elem())
	default:
		return v.Interface()
	}
}

func isUnsaid(v reflect.Value) bool {
	if z, ok := v.Interface().(interface{ IsZero() bool }); ok {
		return z.IsZero()
	}
	return v.IsZero()
}

// ascii escapes what YAML, other than JSON, takes for line breaks or refuses.
func ascii(text string) []byte {
	var b strings.Builder
	for _, r := range text {
		if r < 0x7f {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return []byte(b.String())
}

// keysOf lists the keys a document may have, at all depths.
func keysOf(of any) []string { return keysBelow(reflect.TypeOf(of)) }

func keysBelow(of reflect.Type) []string {
	switch of.Kind() {
	case reflect.Slice, reflect.Pointer:
		return keysBelow(of.Elem())
	case reflect.Struct:
	default:
		return nil
	}
	var keys []string
	for i := range of.NumField() {
		if name, _, ok := strings.Cut(of.Field(i).Tag.Get("yaml"), ","); ok || name != "" {
			keys = append(keys, name)
			keys = append(keys, keysBelow(of.Field(i).Type)...)
		}
	}
	return keys
}
