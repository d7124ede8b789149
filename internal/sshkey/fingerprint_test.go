package sshkey_test

import (
	"strings"
	"testing"

	"keyrack/internal/sshkey"
)

// Fingerprints of ed25519Key, in base64 and hex.
const (
	hex16      = "05:62:73:f8:b3:6c:9f:c8:a1:0e:b4:b1:cf:e7:ef:c2"
	base32     = "Pgn1VBxCBdbd0f5v462Jh7w9LO1Borkc9iVTpZP62pY"
	base64Of64 = "MhCPnV5UyZUjFR8Zh09Qc3ZLxTMgfgteZjK3TNqhRR4iCkT+RdKZrqydenqAQy3SgIs67Kns1ZXO4M/I8Y3PrA"
)

var fingerprintTexts = map[string]struct {
	text string
	want string // canonical, empty if refused
}{
	"MD5":                {"MD5:" + hex16, "MD5:" + hex16},
	"MD5 bare":           {hex16, "MD5:" + hex16},
	"MD5 upper case":     {strings.ToUpper(hex16), "MD5:" + hex16},
	"SHA-256":            {"SHA256:" + base32, "SHA256:" + base32},
	"SHA-256 padded":     {"SHA256:" + base32 + "=", "SHA256:" + base32},
	"SHA-256 of Foreman": {base32 + "=", "SHA256:" + base32},
	"SHA-256 bare":       {base32, "SHA256:" + base32},
	"SHA-512":            {"SHA512:" + base64Of64, "SHA512:" + base64Of64},
	"SHA-512 padded":     {"SHA512:" + base64Of64 + "==", "SHA512:" + base64Of64},

	"nothing":                 {"", ""},
	"prefix alone":            {"SHA256:", ""},
	"blank before":            {" " + hex16, ""},
	"newline after":           {"SHA256:" + base32 + "\n", ""},
	"newline inside":          {base32[:20] + "\n" + base32[20:], ""},
	"unknown hash":            {"SHA1:" + base32, ""},
	"prefix in lower case":    {"sha256:" + base32, ""},
	"prefix twice":            {"MD5:MD5:" + hex16, ""},
	"MD5 without colons":      {strings.ReplaceAll(hex16, ":", ""), ""},
	"MD5 colons elsewhere":    {"0:562:73:f8:b3:6c:9f:c8:a1:0e:b4:b1:cf:e7:ef:c2", ""},
	"MD5 colon after":         {hex16 + ":", ""},
	"MD5 too short":           {hex16[:44], ""},
	"MD5 too long":            {hex16 + ":00", ""},
	"MD5 no hex":              {"g" + hex16[1:], ""},
	"SHA-256 too short":       {"SHA256:" + base32[:42], ""},
	"SHA-256 too long":        {"SHA256:" + base32 + "A", ""},
	"SHA-256 stray bits":      {"SHA256:" + base32[:42] + "Z", ""},
	"SHA-256 padded twice":    {base32 + "==", ""},
	"SHA-256 in URL alphabet": {"SHA256:_" + base32[1:], ""},
	"SHA-512 as SHA-256":      {"SHA256:" + base64Of64, ""},
	"SHA-256 as SHA-512":      {"SHA512:" + base32, ""},
	"SHA-512 bare":            {base64Of64, ""},
	"SHA-512 padded once":     {"SHA512:" + base64Of64 + "=", ""},
	"escape sequence":         {"\x1b[31m", ""},
	"long":                    {strings.Repeat(":", 1<<16), ""},
}

func TestParseFingerprint(t *testing.T) {
	t.Parallel()
	for name, test := range fingerprintTexts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := sshkey.ParseFingerprint(test.text)
			switch {
			case test.want == "":
				wantCode(t, err, sshkey.CodeFingerprint)
				checkError(t, test.text, err)
			case err != nil || got.String() != test.want:
				t.Errorf("ParseFingerprint(%q) = %v, %v, want %v", test.text, got, err, test.want)
			}
		})
	}
}

// Every spelling a face shows finds the key again.
func TestFingerprintsOfKeysAreFound(t *testing.T) {
	t.Parallel()
	for _, file := range corpusFiles(t, ".pub") {
		k := parseCorpus(t, file).Key
		md5, sha256, sha512 := k.MD5(), k.SHA256(), k.SHA512()
		for text, want := range map[string]sshkey.Fingerprint{
			md5.String():    {Hash: sshkey.HashMD5, Sum: md5[:]},
			md5.Bare():      {Hash: sshkey.HashMD5, Sum: md5[:]},
			sha256.String(): {Hash: sshkey.HashSHA256, Sum: sha256[:]},
			sha256.Padded(): {Hash: sshkey.HashSHA256, Sum: sha256[:]},
			sha512.String(): {Hash: sshkey.HashSHA512, Sum: sha512[:]},
		} {
			got, err := sshkey.ParseFingerprint(text)
			if err != nil || !got.Equal(want) {
				t.Errorf("ParseFingerprint(%q) = %v, %v, want %v", text, got, err, want)
			}
		}
	}
}

func TestFingerprintsDifferByHash(t *testing.T) {
	t.Parallel()
	sum := []byte("the same bytes")
	a := sshkey.Fingerprint{Hash: sshkey.HashMD5, Sum: sum}
	if b := (sshkey.Fingerprint{Hash: sshkey.HashSHA256, Sum: sum}); a.Equal(b) {
		t.Errorf("%v equals %v", a, b)
	}
}
