package privatekey

import (
	"bytes"

	"golang.org/x/crypto/ssh"
)

// maxBcryptRounds is far above what ssh-keygen writes (16 to 24 by default); a
// round takes some 4 ms.
const maxBcryptRounds = 250

// affordable refuses a key in OpenSSH's form that asks for too many rounds of
// bcrypt (PROTOCOL.key of OpenSSH). What it cannot read, x/crypto/ssh refuses.
func affordable(content []byte) error {
	content, ok := bytes.CutPrefix(content, []byte("openssh-key-v1\x00"))
	if !ok {
		return ErrUnreadable
	}
	var head struct {
		Cipher, KDF, Options string
		Rest                 []byte `ssh:"rest"`
	}
	if err := ssh.Unmarshal(content, &head); err != nil {
		return ErrUnreadable
	}
	if head.KDF != "bcrypt" {
		return nil
	}
	var options struct {
		Salt   string
		Rounds uint32
	}
	if err := ssh.Unmarshal([]byte(head.Options), &options); err != nil {
		return ErrUnreadable
	}
	if options.Rounds > maxBcryptRounds {
		return ErrCostly
	}
	return nil
}
