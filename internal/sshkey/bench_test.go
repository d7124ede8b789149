package sshkey_test

import (
	"testing"

	"keyrack/internal/sshkey"
)

// sink keeps results alive, so that the compiler cannot drop the work.
var sink struct {
	line   sshkey.Line
	key    sshkey.PublicKey
	md5    sshkey.MD5
	sha256 sshkey.SHA256
	sha512 sshkey.SHA512
	bits   int
}

var benchKeys = []struct{ name, file string }{
	{"ed25519", "ed25519.pub"},
	{"rsa2048", "rsa2048.pub"},
	{"ecdsa256", "ecdsa256.pub"},
}

// BenchmarkAdd is what a new key costs: reading the text and making all three
// fingerprints.
func BenchmarkAdd(b *testing.B) {
	for _, bk := range benchKeys {
		b.Run(bk.name, func(b *testing.B) {
			text := readCorpus(b, bk.file)
			b.ReportAllocs()
			for b.Loop() {
				line, err := sshkey.Parse(text)
				if err != nil {
					b.Fatal(err)
				}
				sink.line = line
				sink.md5, sink.sha256, sink.sha512 = line.Key.MD5(), line.Key.SHA256(), line.Key.SHA512()
			}
		})
	}
}

// BenchmarkFromWire is what a key from a client costs.
func BenchmarkFromWire(b *testing.B) { benchmarkBlob(b, sshkey.FromWire) }

// BenchmarkStored is what a key from the database costs.
func BenchmarkStored(b *testing.B) { benchmarkBlob(b, sshkey.Stored) }

func benchmarkBlob(b *testing.B, read func([]byte) (sshkey.PublicKey, error)) {
	b.Helper()
	for _, bk := range benchKeys {
		b.Run(bk.name, func(b *testing.B) {
			blob := parseCorpus(b, bk.file).Key.Blob()
			b.ReportAllocs()
			for b.Loop() {
				key, err := read(blob)
				if err != nil {
					b.Fatal(err)
				}
				sink.key = key
			}
		})
	}
}

// BenchmarkCheckStrength is what serving a key costs beside reading it.
func BenchmarkCheckStrength(b *testing.B) {
	for _, bk := range benchKeys {
		b.Run(bk.name, func(b *testing.B) {
			key := parseCorpus(b, bk.file).Key
			b.ReportAllocs()
			for b.Loop() {
				if err := sshkey.CheckStrength(key); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkBits stands for the accessors, which read the wire form each time.
func BenchmarkBits(b *testing.B) {
	key := parseCorpus(b, "rsa2048.pub").Key
	b.ReportAllocs()
	for b.Loop() {
		sink.bits = key.Bits()
	}
}
