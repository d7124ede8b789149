package privatekey

import (
	"github.com/kayrus/putty"
)

// Bounds of what a PPK of version 3 may ask of argon2. PuTTYgen takes 8 MiB and
// as many passes as fit 0.1 s, some 20 to 50.
const (
	maxArgonMemory = 64 << 10 // KiB
	maxArgonWork   = 4 << 20  // KiB times passes
	maxArgonLanes  = 16
)

func readPuTTY(text, passphrase []byte) (any, error) {
	k, err := putty.New(text)
	if err != nil || k.Version < 2 {
		return nil, ErrUnreadable
	}
	if k.Encryption != "none" && len(passphrase) == 0 {
		return nil, ErrNoPassphrase
	}
	if uint64(k.Argon2Memory)*uint64(k.Argon2Passes) > maxArgonWork || k.Argon2Memory > maxArgonMemory || k.Argon2Parallelism > maxArgonLanes {
		return nil, ErrCostly
	}
	if k.Encryption == "none" {
		passphrase = nil
	}
	raw, err := k.ParseRawPrivateKey(passphrase)
	switch {
	case err == nil:
		return raw, nil
	case k.Encryption != "none":
		return nil, ErrWrongPassphrase
	}
	return nil, ErrUnreadable
}
