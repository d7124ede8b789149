package privatekey_test

import (
	"bytes"
	"encoding/asn1"
	"encoding/pem"
	"strings"
	"testing"
)

// manyRounds is an encrypted key of OpenSSH's whose number of rounds was raised.
func manyRounds(t *testing.T, m made) []byte {
	t.Helper()
	block, _ := pem.Decode(read(t, m.private))
	i := bytes.Index(block.Bytes, []byte("bcrypt"))
	if i < 0 {
		t.Fatal("the key is not encrypted by bcrypt")
	}
	rounds := block.Bytes[i+len("bcrypt")+4+4+16:] // lengths of the options and of the salt, the salt
	copy(rounds[:4], []byte{0, 1, 0x86, 0xa0})
	return pem.EncodeToMemory(block)
}

// torn puts the public half of another key file of the same form into a file.
func torn(text, other []byte) []byte {
	if block, _ := pem.Decode(text); block != nil {
		theirs, _ := pem.Decode(other)
		// The last 32 bytes of the public section, and its repetitions.
		at := bytes.Index(block.Bytes, []byte("ssh-ed25519"))
		mine := block.Bytes[at+15 : at+47]
		at = bytes.Index(theirs.Bytes, []byte("ssh-ed25519"))
		block.Bytes = bytes.ReplaceAll(block.Bytes, bytes.Clone(mine), theirs.Bytes[at+15:at+47])
		return pem.EncodeToMemory(block)
	}
	mine, theirs := strings.Split(string(text), "\n"), strings.Split(string(other), "\n")
	for i, line := range mine {
		if strings.HasPrefix(line, "Public-Lines: 2") {
			mine[i+1], mine[i+2] = theirs[i+1], theirs[i+2]
		}
	}
	return []byte(strings.Join(mine, "\n"))
}

// scrypted is an encrypted PKCS#8 that asks for a cost of scrypt.
func scrypted(t *testing.T, cost int) []byte {
	t.Helper()
	type algorithm struct {
		ID         asn1.ObjectIdentifier
		Parameters any
	}
	type scrypt struct {
		Salt    []byte
		N, R, P int
	}
	type pbes2 struct{ KDF, Cipher algorithm }
	der, err := asn1.Marshal(struct {
		Scheme algorithm
		Data   []byte
	}{
		algorithm{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}, pbes2{
			algorithm{asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11591, 4, 11}, scrypt{make([]byte, 16), cost, 8, 1}},
			algorithm{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}, make([]byte, 16)},
		}},
		make([]byte, 64),
	})
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: der})
}
