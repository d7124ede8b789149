package privatekey

import (
	"bytes"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"strings"

	"golang.org/x/crypto/ssh"

	"keyrack/internal/sshkey"
)

var (
	// ErrUnreadable says that the text is no private key of a form that is read.
	ErrUnreadable = errors.New("is not a private key in OpenSSH's, PKCS#1, PKCS#8 or PuTTY's format")
	// ErrNoPassphrase says that the key is encrypted and no passphrase was given.
	ErrNoPassphrase = errors.New("is encrypted, and needs its passphrase")
	// ErrWrongPassphrase says that the passphrase does not open the key.
	ErrWrongPassphrase = errors.New("does not open with this passphrase")
	// ErrCostly says that the file asks for more work than keys need.
	ErrCostly = errors.New("asks for too much work to be decrypted; encrypt it with usual parameters")
	// ErrUnsupported says that the key is encrypted in an unusual way.
	ErrUnsupported = errors.New("is encrypted in a way that is not read; use AES and PBKDF2 with SHA-256, or scrypt")
	// ErrTorn says that the halves within the file do not belong together.
	ErrTorn = errors.New("has two halves that do not belong together")
)

// Public tells the public half of a private key. It has signed with the one and
// verified with the other.
func Public(text, passphrase []byte) (sshkey.PublicKey, error) {
	raw, err := read(unixLines(text), passphrase)
	if err != nil {
		return sshkey.PublicKey{}, err
	}
	signer, err := ssh.NewSignerFromKey(raw)
	if err != nil {
		return sshkey.PublicKey{}, ErrUnreadable
	}
	if err := tryOut(signer); err != nil {
		return sshkey.PublicKey{}, ErrTorn
	}
	public, err := sshkey.FromSSH(signer.PublicKey())
	if err != nil {
		return sshkey.PublicKey{}, ErrUnreadable
	}
	return public, nil
}

// tryOut signs something and verifies it: a file can name any public half.
func tryOut(signer ssh.Signer) error {
	challenge := []byte("keyrack: do these halves belong together?")
	signature, err := signer.Sign(rand.Reader, challenge)
	if err != nil {
		return err
	}
	return signer.PublicKey().Verify(challenge, signature)
}

// unixLines makes line ends that PEM's reader knows of those that went through
// old programs.
func unixLines(text []byte) []byte {
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(text, []byte("\r"), []byte("\n"))
}

// read gives the private key as x/crypto/ssh takes it.
func read(text, passphrase []byte) (any, error) {
	if bytes.HasPrefix(bytes.TrimLeft(text, " \t\n"), []byte("PuTTY-User-Key-File-")) {
		return readPuTTY(bytes.TrimLeft(text, " \t\n"), passphrase)
	}
	block := privateBlock(text)
	if block == nil {
		return nil, ErrUnreadable
	}
	switch block.Type {
	case "ENCRYPTED PRIVATE KEY":
		return readPKCS8(block.Bytes, passphrase)
	case "OPENSSH PRIVATE KEY":
		if err := affordable(block.Bytes); err != nil {
			return nil, err
		}
	}
	return readPEM(pem.EncodeToMemory(block), passphrase)
}

// privateBlock finds the PEM block with the key. OpenSSL writes others before
// it, such as EC PARAMETERS.
func privateBlock(text []byte) *pem.Block {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil || strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return block
		}
	}
}

func readPEM(text, passphrase []byte) (any, error) {
	raw, err := ssh.ParseRawPrivateKey(text)
	if err == nil {
		return raw, nil
	}
	if _, encrypted := errors.AsType[*ssh.PassphraseMissingError](err); !encrypted {
		return nil, ErrUnreadable
	}
	if len(passphrase) == 0 {
		return nil, ErrNoPassphrase
	}
	raw, err = ssh.ParseRawPrivateKeyWithPassphrase(text, passphrase)
	if err != nil {
		return nil, ErrWrongPassphrase
	}
	return raw, nil
}
