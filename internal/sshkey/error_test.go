package sshkey_test

import (
	"fmt"
	"strings"
	"testing"

	"keyrack/internal/sshkey"
)

// Names go into logs, answers and metrics: each value has one, and its own.
func TestNamesAreDistinct(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for c := sshkey.CodeMalformed; c <= sshkey.CodeWeak; c++ {
		names[c.String()] = true
	}
	if len(names) != int(sshkey.CodeWeak) {
		t.Errorf("%d names for %d codes", len(names), sshkey.CodeWeak)
	}
	for name := range names {
		if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_0123456789") != "" {
			t.Errorf("name %q is no plain word, or missing", name)
		}
	}
	for got, want := range map[string]string{
		sshkey.CodePrivateKey.String():                         "private_key",
		sshkey.Code(0).String():                                "code(0)",
		(sshkey.CodeWeak + 1).String():                         fmt.Sprintf("code(%d)", sshkey.CodeWeak+1),
		sshkey.Code(255).String():                              "code(255)",
		sshkey.FormOpenSSH.String():                            "OpenSSH",
		sshkey.FormRFC4716.String():                            "RFC 4716",
		sshkey.FormPKIX.String():                               "PKIX PEM",
		sshkey.FormPKCS1.String():                              "PKCS#1 PEM",
		sshkey.Form(0).String():                                "unknown form",
		sshkey.UserCertificate.String():                        "user",
		sshkey.HostCertificate.String():                        "host",
		sshkey.CertificateType(0).String():                     "unknown",
		sshkey.Hash(0).String():                                "unknown hash",
		(sshkey.Fingerprint{Hash: sshkey.HashSHA512}).String(): "SHA512:",
	} {
		if got != want {
			t.Errorf("name %q, want %q", got, want)
		}
	}
}
