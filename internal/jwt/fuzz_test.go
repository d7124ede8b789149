package jwt_test

import (
	"path/filepath"
	"testing"

	"keyrack/internal/jwt"
)

// FuzzVerify holds that what is taken is what we would have signed, to the
// byte, and nothing else.
func FuzzVerify(f *testing.F) {
	seeds, err := filepath.Glob("testdata/fuzz/FuzzVerify/*")
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	f.Add(sign(f, claims, key))
	f.Fuzz(func(t *testing.T, text string) {
		got, err := jwt.Verify(text, [][]byte{other, key}, now)
		if err != nil {
			return
		}
		if again := sign(t, got, key); again != text {
			t.Errorf("Verify(%q) = %+v, which is signed as %q", text, got, again)
		}
	})
}
