package sshkey_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"keyrack/internal/sshkey"
)

// What ssh-keygen was told to write into the corpus' certificates.
func TestCertificates(t *testing.T) {
	t.Parallel()
	userCA := parseCorpus(t, "ca-ed25519.pub").Key.SHA256()
	hostCA := parseCorpus(t, "ca-rsa.pub").Key.SHA256()
	for key, want := range map[string]sshkey.Certificate{
		"ed25519": {
			Algorithm: "ssh-ed25519-cert-v01@openssh.com", Type: sshkey.UserCertificate, KeyID: "ada on her laptop", Serial: 42,
			Principals:  []string{"ada", "root"},
			ValidAfter:  time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC),
			ValidBefore: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC), Authority: userCA,
		},
		"rsa2048": {
			Algorithm: "ssh-rsa-cert-v01@openssh.com", Type: sshkey.HostCertificate, KeyID: "host key",
			Principals: []string{"host.example.org"}, Authority: userCA,
		},
		"ecdsa256": {
			Algorithm: "ecdsa-sha2-nistp256-cert-v01@openssh.com", Type: sshkey.UserCertificate, KeyID: "ecdsa",
			Serial: 1<<64 - 1, Authority: hostCA,
		},
	} {
		line := parseCorpus(t, key+"-cert.pub")
		if line.Certificate == nil {
			t.Errorf("%s: no certificate", key)
			continue
		}
		if diff := cmp.Diff(want, *line.Certificate); diff != "" {
			t.Errorf("%s: difference (-want +got):\n%s", key, diff)
		}
	}
}

func TestCertificateGivesItsInnerKey(t *testing.T) {
	t.Parallel()
	for _, file := range corpusFiles(t, "-cert.pub") {
		line := parseCorpus(t, file)
		want := parseCorpus(t, strings.Replace(file, "-cert", "", 1))
		if !line.Key.Equal(want.Key) || line.Comment != want.Comment {
			t.Errorf("%s: Parse = %v %q, want %v %q", file, line.Key, line.Comment, want.Key, want.Comment)
		}
	}
}

// certifyWith lets a forger change a certificate before an authority signs it,
// and the blob after it did.
func certifyWith(t *testing.T, before func(*ssh.Certificate), after func(*ssh.Certificate)) []byte {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	holder, _, _, _, err := ssh.ParseAuthorizedKey([]byte(ed25519Key))
	if err != nil {
		t.Fatal(err)
	}
	cert := &ssh.Certificate{Key: holder, CertType: ssh.UserCert, KeyId: "ada", ValidBefore: ssh.CertTimeInfinity}
	before(cert)
	if err := cert.SignCert(rand.Reader, authority); err != nil {
		t.Fatal(err)
	}
	after(cert)
	return cert.Marshal()
}

func unchanged(*ssh.Certificate) {}

func TestCertificateTimes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		after, before         uint64
		wantAfter, wantBefore time.Time
	}{
		"no bounds":         {0, ssh.CertTimeInfinity, time.Time{}, time.Time{}},
		"expired from 1970": {0, 0, time.Time{}, time.Unix(0, 0).UTC()},
		"a second":          {1, 2, time.Unix(1, 0).UTC(), time.Unix(2, 0).UTC()},
		"beyond all years": {1<<64 - 1, 1<<64 - 2,
			time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)},
	} {
		blob := certifyWith(t, func(c *ssh.Certificate) { c.ValidAfter, c.ValidBefore = test.after, test.before }, unchanged)
		c := mustParse(t, lineOf("ssh-ed25519-cert-v01@openssh.com", string(blob))).Certificate
		if !c.ValidAfter.Equal(test.wantAfter) || !c.ValidBefore.Equal(test.wantBefore) ||
			c.ValidAfter.IsZero() != test.wantAfter.IsZero() || c.ValidBefore.IsZero() != test.wantBefore.IsZero() {
			t.Errorf("%s: valid from %v to %v, want %v to %v", name, c.ValidAfter, c.ValidBefore, test.wantAfter, test.wantBefore)
		}
	}
}

func TestCertificateForgeriesAreRefused(t *testing.T) {
	t.Parallel()
	good := certifyWith(t, unchanged, unchanged)
	for name, blob := range map[string][]byte{
		"principal added after signing": certifyWith(t, unchanged, func(c *ssh.Certificate) { c.ValidPrincipals = []string{"root"} }),
		"serial changed after signing":  certifyWith(t, unchanged, func(c *ssh.Certificate) { c.Serial++ }),
		"made a host's after signing":   certifyWith(t, unchanged, func(c *ssh.Certificate) { c.CertType = ssh.HostCert }),
		"key swapped after signing": certifyWith(t, unchanged, func(c *ssh.Certificate) {
			c.Key, _, _, _, _ = ssh.ParseAuthorizedKey([]byte(otherKey))
		}),
		"authority swapped": certifyWith(t, unchanged, func(c *ssh.Certificate) {
			c.SignatureKey, _, _, _, _ = ssh.ParseAuthorizedKey([]byte(otherKey))
		}),
		"signature of no length":                 certifyWith(t, unchanged, func(c *ssh.Certificate) { c.Signature.Blob = nil }),
		"neither user nor host":                  certifyWith(t, func(c *ssh.Certificate) { c.CertType = 3 }, unchanged),
		"escape sequence in ID":                  certifyWith(t, func(c *ssh.Certificate) { c.KeyId = "\x1b]0;x\a" }, unchanged),
		"newline in a principal":                 certifyWith(t, func(c *ssh.Certificate) { c.ValidPrincipals = []string{"a\nroot"} }, unchanged),
		"no UTF-8 in a principal split over two": certifyWith(t, func(c *ssh.Certificate) { c.ValidPrincipals = []string{"\xc3", "\xa9"} }, unchanged),
		"257 principals": certifyWith(t, func(c *ssh.Certificate) {
			c.ValidPrincipals = slices.Repeat([]string{"ada"}, 257)
		}, unchanged),
		"trailing byte":  append(slices.Clone(good), 0),
		"cut":            good[:len(good)-1],
		"cut to the key": good[:80],
	} {
		key, err := sshkey.FromWire(blob)
		if err == nil {
			t.Errorf("%s: FromWire(%q) = %v, want an error", name, blob, key)
			continue
		}
		wantCode(t, err, sshkey.CodeCertificate)
		checkError(t, string(blob), err)
	}
}

// What stands in front of a limit passes.
func TestCertificateOf256Principals(t *testing.T) {
	t.Parallel()
	blob := certifyWith(t, func(c *ssh.Certificate) { c.ValidPrincipals = slices.Repeat([]string{"ada"}, 256) }, unchanged)
	if _, err := sshkey.FromWire(blob); err != nil {
		t.Errorf("FromWire of a certificate with 256 principals: %v", err)
	}
}

// certifyRSA writes and signs a certificate by hand, so that the key in it can
// be written as no library would.
func certifyRSA(t *testing.T, exponent, modulus string) []byte {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signed := wire("ssh-rsa-cert-v01@openssh.com", "nonce", exponent, modulus) +
		strings.Repeat("\x00", 8) + "\x00\x00\x00\x01" + wire("ada", "") + strings.Repeat("\x00", 16) +
		wire("", "", "", wire("ssh-ed25519", string(public)))
	signature := wire("ssh-ed25519", string(ed25519.Sign(private, []byte(signed))))
	return []byte(signed + wire(signature))
}

// The key in a certificate is held to the rules of any other.
func TestCertifiedKeyIsChecked(t *testing.T) {
	t.Parallel()
	if _, err := sshkey.FromWire(certifyRSA(t, "\x03", goodModulus)); err != nil {
		t.Errorf("FromWire of a good certificate: %v", err)
	}
	_, err := sshkey.FromWire(certifyRSA(t, "\x00\x03", goodModulus))
	wantCode(t, err, sshkey.CodeCertificate)
}

// A certificate's type must not smuggle another certificate in.
func TestNestedCertificateIsRefused(t *testing.T) {
	t.Parallel()
	inner := certifyWith(t, unchanged, unchanged)
	const name = "ssh-ed25519-cert-v01@openssh.com"
	nested := wire(name, "nonce", ed25519Key32) + strings.Repeat("\x00", 12) +
		wire("", "") + strings.Repeat("\x00", 16) + wire("", "", "", string(inner), "")
	_, err := sshkey.FromWire([]byte(nested))
	wantCode(t, err, sshkey.CodeCertificate)
}

func TestCertificateNameMustMatch(t *testing.T) {
	t.Parallel()
	b64 := base64.StdEncoding.EncodeToString(certifyWith(t, unchanged, unchanged))
	for _, name := range []string{"ssh-ed25519", "ssh-rsa-cert-v01@openssh.com", "sk-ssh-ed25519-cert-v01@openssh.com"} {
		_, err := sshkey.Parse(name + " " + b64)
		wantCode(t, err, sshkey.CodeTypeMismatch)
	}
}
