package sshd

import (
	"slices"

	"golang.org/x/crypto/ssh"
)

// serverVersion has no version number: it would only tell attackers which
// release to look up.
const serverVersion = "SSH-2.0-Keyrack"

// transportAlgorithms lists what a connection may be encrypted with, best
// first: the library's secure ones, without those nobody needs any more. SHA-1
// and CBC are out. Group 14 is kept for PuTTY before 0.68, the MACs that are
// not encrypt-then-MAC for Dropbear, which has no others (seen with 2022.83).
// Groups 16 and group-exchange would let a stranger burn ten times the CPU.
func transportAlgorithms() ssh.Config {
	return ssh.Config{
		KeyExchanges: []string{
			ssh.KeyExchangeMLKEM768X25519, ssh.KeyExchangeCurve25519,
			ssh.KeyExchangeECDHP256, ssh.KeyExchangeECDHP384, ssh.KeyExchangeECDHP521,
			ssh.KeyExchangeDH14SHA256,
		},
		Ciphers: []string{
			ssh.CipherAES128GCM, ssh.CipherAES256GCM, ssh.CipherChaCha20Poly1305,
			ssh.CipherAES128CTR, ssh.CipherAES192CTR, ssh.CipherAES256CTR,
		},
		MACs: []string{ssh.HMACSHA256ETM, ssh.HMACSHA512ETM, ssh.HMACSHA256, ssh.HMACSHA512},
	}
}

// clientKeyAlgorithms lists the keys that are listened to: every type the
// library can verify. It is sent as server-sig-algs (RFC 8308), and OpenSSH
// keeps silent about keys that are not on it; so the weak ones stay, since a
// collector that cannot see somebody's 1024-bit DSA key cannot warn of it.
func clientKeyAlgorithms() []string {
	return append(ssh.SupportedAlgorithms().PublicKeyAuths, ssh.InsecureAlgorithms().PublicKeyAuths...)
}

// isProof tells whether a verified signature of this format proves anything.
// ssh-rsa and ssh-dss sign a SHA-1 hash. Collisions with a chosen prefix are
// for sale since 2020 (Leurent and Peyrin, "SHA-1 is a Shambles"), OpenSSH
// stopped accepting such signatures with 8.8, RFC 9142 warns of the hash. The
// client that signs so is old; its key is recorded as offered.
func isProof(signature string) bool {
	return !slices.Contains(ssh.InsecureAlgorithms().PublicKeyAuths, signature)
}
