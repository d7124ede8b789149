package sshkey

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// CertificateType says whom a certificate is for.
type CertificateType uint32

// The types, with their numbers in OpenSSH's PROTOCOL.certkeys.
const (
	UserCertificate CertificateType = ssh.UserCert
	HostCertificate CertificateType = ssh.HostCert
)

// String returns "user" or "host".
func (t CertificateType) String() string {
	switch t {
	case UserCertificate:
		return "user"
	case HostCertificate:
		return "host"
	default:
		return "unknown"
	}
}

// Certificate is what an OpenSSH certificate says about the key it certifies.
// Its signature was verified against the key of its authority; whether that
// authority means anything to us, and whether the certificate is valid now,
// was not asked.
type Certificate struct {
	// Algorithm is the certificate's own type, "ssh-ed25519-cert-v01@openssh.com".
	Algorithm string
	Type      CertificateType
	// KeyID is the text the authority logs it by. Like the principals it is
	// UTF-8 without control characters.
	KeyID  string
	Serial uint64
	// Principals are the users or hosts it is valid for; none means all.
	Principals []string
	// ValidAfter and ValidBefore bound its validity; zero means no bound.
	// Moments after the year 9999 are cut to its end.
	ValidAfter, ValidBefore time.Time
	// Authority is the fingerprint of the key that signed it.
	Authority SHA256
}

// certificateMark is in the names of all OpenSSH certificate types, before a
// version such as 01.
const certificateMark = "-cert-v"

// isCertificateName reports whether a type is a certificate's, known or to
// come: it must not be taken for a key.
func isCertificateName(name string) bool { return strings.Contains(name, certificateMark) }

var errCertificate = fail(CodeCertificate, "the certificate is malformed or of an unknown type; "+
	"send the plain public key, from the file without -cert in its name")

// decodeCertificate reads a certificate blob: the key in it and what stands
// around it.
func decodeCertificate(name string, blob []byte) (PublicKey, *Certificate, error) {
	if err := checkTypeName(name); err != nil {
		return PublicKey{}, nil, err
	}
	parsed, err := ssh.ParsePublicKey(blob)
	signed, ok := parsed.(*ssh.Certificate)
	if err != nil || !ok || !bytes.Equal(signed.Marshal(), blob) {
		return PublicKey{}, nil, errCertificate
	}
	if err := checkCertificate(signed, blob); err != nil {
		return PublicKey{}, nil, err
	}
	key, err := FromSSH(signed.Key)
	if err != nil {
		return PublicKey{}, nil, err
	}
	return key, newCertificate(name, signed), nil
}

// maxPrincipals is SSHKEY_CERT_MAX_PRINCIPALS of OpenSSH.
const maxPrincipals = 256

// checkCertificate refuses what ssh-keygen refuses, a bad signature among it,
// and text that could not be shown. The blob is that of c, byte by byte.
func checkCertificate(c *ssh.Certificate, blob []byte) error {
	switch {
	case c.CertType != ssh.UserCert && c.CertType != ssh.HostCert:
		return fail(CodeCertificate, "the certificate is neither for a user nor for a host; send the plain public key")
	case len(c.ValidPrincipals) > maxPrincipals:
		return fail(CodeCertificate, "the certificate has %d principals, more than the %d sshd takes", len(c.ValidPrincipals), maxPrincipals)
	case !isShowable(c.KeyId), !allShowable(c.ValidPrincipals):
		return fail(CodeCertificate, "the certificate's key ID or a principal contains control characters; send the plain public key")
	case c.SignatureKey.Verify(signedPart(blob, c.Signature), c.Signature) != nil:
		return fail(CodeCertificate, "the certificate's signature is not that of its authority; send the plain public key")
	}
	return nil
}

// isShowable reports whether a text is fit for one line of a terminal or log.
func isShowable(s string) bool {
	return checkCharacters(s) == nil && !strings.ContainsAny(s, "\r\n")
}

func allShowable(list []string) bool {
	return !slices.ContainsFunc(list, func(s string) bool { return !isShowable(s) })
}

// signedPart returns what the authority signed: the blob up to the signature,
// which is its last string.
func signedPart(blob []byte, signature *ssh.Signature) []byte {
	return blob[:len(blob)-len(ssh.Marshal(signature))-4]
}

func newCertificate(name string, c *ssh.Certificate) *Certificate {
	cert := &Certificate{
		Algorithm:  name,
		Type:       CertificateType(c.CertType),
		KeyID:      c.KeyId,
		Serial:     c.Serial,
		Principals: c.ValidPrincipals,
		Authority:  sha256.Sum256(c.SignatureKey.Marshal()),
	}
	if c.ValidAfter != 0 {
		cert.ValidAfter = certificateTime(c.ValidAfter)
	}
	if c.ValidBefore != ssh.CertTimeInfinity {
		cert.ValidBefore = certificateTime(c.ValidBefore)
	}
	return cert
}

// endOfTime is the last second RFC 3339 can write, and our databases keep.
const endOfTime = 253402300799

func certificateTime(seconds uint64) time.Time {
	return time.Unix(int64(min(seconds, endOfTime)), 0).UTC()
}
