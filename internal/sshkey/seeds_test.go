package sshkey_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// makeFuzzSeeds writes the corpus and the cases of the tables as seeds, in
// place of the former ones. What fuzzing found stays.
func makeFuzzSeeds(t *testing.T) {
	t.Helper()
	old, err := filepath.Glob("testdata/fuzz/*/" + seedPrefix + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range old {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	for _, ending := range []string{".pub", ".rfc4716", ".pkcs8", ".pkcs1"} {
		for _, file := range corpusFiles(t, ending) {
			text := readCorpus(t, file)
			key := mustParse(t, text).Key
			writeSeed(t, "FuzzParse", file, fmt.Sprintf("string(%q)", text))
			if ending != ".pub" {
				continue
			}
			writeSeed(t, "FuzzFromWire", file, fmt.Sprintf("[]byte(%q)", fileBlob(t, text)))
			writeSeed(t, "FuzzParseFingerprint", file, fmt.Sprintf("string(%q)", key.SHA256()))
		}
	}
	for name, text := range acceptedTexts {
		writeSeed(t, "FuzzParse", name, fmt.Sprintf("string(%q)", text.text))
	}
	for name, text := range refusedTexts {
		writeSeed(t, "FuzzParse", name, fmt.Sprintf("string(%q)", text.text))
	}
	for name, blob := range refusedBlobs {
		writeSeed(t, "FuzzFromWire", name, fmt.Sprintf("[]byte(%q)", blob.blob))
	}
	for name, fp := range fingerprintTexts {
		writeSeed(t, "FuzzParseFingerprint", name, fmt.Sprintf("string(%q)", fp.text))
	}
}

const seedPrefix = "seed-"

// writeSeed leaves out the largest inputs, which slow the fuzzer down.
func writeSeed(t *testing.T, target, name, value string) {
	t.Helper()
	if len(value) > 8<<10 {
		return
	}
	dir := filepath.Join("testdata/fuzz", target)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	name = seedPrefix + strings.Map(func(r rune) rune {
		if r == ' ' || r == '/' {
			return '-'
		}
		return r
	}, name)
	writeFile(t, filepath.Join(dir, name), "go test fuzz v1\n"+value+"\n")
}
