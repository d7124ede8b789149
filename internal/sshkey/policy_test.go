package sshkey_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"strings"
	"testing"

	"keyrack/internal/sshkey"
)

func TestPolicyJudges(t *testing.T) {
	t.Parallel()
	opaque := mustParse(t, lineOf("ssh-new@example.org", wire("ssh-new@example.org", "x"))).Key
	file := func(name string) sshkey.PublicKey { return parseCorpus(t, name).Key }
	only := func(types ...string) sshkey.Policy { return sshkey.Policy{AllowedTypes: types} }
	for name, test := range map[string]struct {
		policy sshkey.Policy
		key    sshkey.PublicKey
		want   sshkey.Code // 0 for none
		says   string
	}{
		"default takes Ed25519":         {sshkey.Policy{}, file("ed25519.pub"), 0, ""},
		"default takes hardware keys":   {sshkey.Policy{}, file("sk-ecdsa.pub"), 0, ""},
		"default takes RSA of 2048":     {sshkey.Policy{}, file("rsa2048.pub"), 0, ""},
		"default takes certified keys":  {sshkey.Policy{}, file("ecdsa521-cert.pub"), 0, ""},
		"default refuses no key":        {sshkey.Policy{}, sshkey.PublicKey{}, sshkey.CodeEmpty, ""},
		"default refuses DSA":           {sshkey.Policy{}, file("dsa.pub"), sshkey.CodeNotAllowed, `type "ssh-dss" are not allowed; allowed are ssh-ed25519, `},
		"default refuses RSA of 1024":   {sshkey.Policy{}, file("rsa1024.pub"), sshkey.CodeTooSmall, "1024 bits; at least 2048"},
		"default refuses unknown types": {sshkey.Policy{}, opaque, sshkey.CodeNotAllowed, ""},

		"DSA where listed":             {only("ssh-dss"), file("dsa.pub"), 0, ""},
		"unknown type where listed":    {only("ssh-ed25519", "ssh-new@example.org"), opaque, 0, ""},
		"type not listed":              {only("ssh-rsa"), file("ed25519.pub"), sshkey.CodeNotAllowed, "allowed are ssh-rsa"},
		"list leaves the size":         {only("ssh-rsa"), file("rsa1024.pub"), sshkey.CodeTooSmall, ""},
		"size raised":                  {sshkey.Policy{MinRSABits: 3072}, file("rsa2048.pub"), sshkey.CodeTooSmall, "3072"},
		"size reached":                 {sshkey.Policy{MinRSABits: 3072}, file("rsa3072.pub"), 0, ""},
		"size is of RSA alone":         {sshkey.Policy{MinRSABits: 3072}, file("ecdsa256.pub"), 0, ""},
		"size lowered":                 {sshkey.Policy{MinRSABits: 1024}, file("rsa1024.pub"), 0, ""},
		"no size":                      {sshkey.Policy{MinRSABits: -1}, file("rsa1024.pub"), 0, ""},
		"RSA of 3 bits":                {sshkey.Policy{MinRSABits: -1}, mustParse(t, "ssh-rsa AAAAB3NzaC1yc2EAAAABAwAAAAEF").Key, sshkey.CodeWeak, ""},
		"RSA of 3 bits, any strength":  {sshkey.Policy{MinRSABits: -1, AnyStrength: true}, mustParse(t, "ssh-rsa AAAAB3NzaC1yc2EAAAABAwAAAAEF").Key, 0, ""},
		"RSA with an even modulus":     {sshkey.Policy{}, mustParse(t, rsaLine("\x03", goodModulus[:256]+"\xc2")).Key, sshkey.CodeWeak, "small factor"},
		"a certificate's type is none": {only("ssh-ed25519-cert-v01@openssh.com"), file("ed25519-cert.pub"), sshkey.CodeNotAllowed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := test.policy.Judge(test.key)
			if test.want == 0 {
				if err != nil {
					t.Errorf("Judge(%v) = %v, want nil", test.key, err)
				}
				return
			}
			wantCode(t, err, test.want)
			checkError(t, test.key.String(), err)
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("Judge(%v) = %q, want it to say %q", test.key, err, test.says)
			}
		})
	}
}

// For each of these keys anybody can sign: of a few messages one verifies
// under a signature made without any private key.
func TestPolicyRefusesEd25519KeysAnybodyCanUse(t *testing.T) {
	t.Parallel()
	for _, y := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	} {
		point, err := hex.DecodeString(y)
		if err != nil {
			t.Fatal(err)
		}
		for _, sign := range []byte{0, 0x80} {
			point[31] = point[31]&0x7f | sign
			if !isForgeable(point) {
				t.Errorf("no signature was forged for %x, so the test does not test", point)
			}
			for _, blob := range []string{
				wire("ssh-ed25519", string(point)), wire("sk-ssh-ed25519@openssh.com", string(point), "ssh:"),
			} {
				key, err := sshkey.FromWire([]byte(blob))
				if err != nil {
					t.Fatal(err)
				}
				wantCode(t, sshkey.Policy{}.Judge(key), sshkey.CodeWeak)
			}
		}
	}
}

// isForgeable signs without a private key: R is the neutral element, S is 0.
func isForgeable(point []byte) bool {
	forged := make([]byte, ed25519.SignatureSize)
	forged[0] = 1
	for i := range 200 {
		if ed25519.Verify(point, []byte{byte(i)}, forged) {
			return true
		}
	}
	return false
}

// A modulus with a bit flipped on the way is found out more often than not.
func TestPolicyRefusesDamagedRSA(t *testing.T) {
	t.Parallel()
	blob := parseCorpus(t, "rsa2048.pub").Key.Blob()
	found := 0
	const tries = 200
	for i := range tries {
		damaged := append([]byte(nil), blob...)
		damaged[len(damaged)-2-i] ^= 1 << (i % 8)
		key, err := sshkey.FromWire(damaged)
		if err != nil {
			t.Fatal(err)
		}
		if err := (sshkey.Policy{}).Judge(key); err != nil {
			wantCode(t, err, sshkey.CodeWeak)
			found++
		}
	}
	t.Logf("%d of %d damaged keys were found", found, tries)
	if found < tries/2 {
		t.Errorf("%d of %d damaged keys were refused, want at least half", found, tries)
	}
}
