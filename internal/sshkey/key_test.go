package sshkey_test

import (
	"crypto/dsa" //nolint:staticcheck // what a DSA key is given out as
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"reflect"
	"strings"
	"testing"

	"keyrack/internal/sshkey"
)

// vectors are throw-away keys whose values were taken from other
// implementations: ssh-keygen, and sshkey 2.0.0 as Foreman 3.13 runs it. The
// values a product does not show are left out.
var vectors = []struct {
	key                      string
	md5, sha256, sha512, pem string
	bits, length             int
}{
	{
		key:    ed25519Key,
		md5:    "MD5:05:62:73:f8:b3:6c:9f:c8:a1:0e:b4:b1:cf:e7:ef:c2",
		sha256: "Pgn1VBxCBdbd0f5v462Jh7w9LO1Borkc9iVTpZP62pY=",
		pem:    ed25519PEM,
		bits:   256, length: 256,
	},
	{
		key:    otherKey,
		md5:    "MD5:08:5e:09:6a:57:9c:cf:4b:bd:b4:85:5f:41:38:a2:f4",
		sha256: "GBghF+L0FX94M5ybf9Vm10bW7RXM8y/eIvOz4/yRqDs=",
		pem:    "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAK/roZPzZPLSQ3EK0IR09Z0umYOWtR7SOqzxlTx1x1Hs=\n-----END PUBLIC KEY-----\n",
		bits:   256, length: 256,
	},
	{
		key:    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH6nURabSSP+wFG0izqGILWdsb9wt5kiPzzez+/KuhfU",
		md5:    "MD5:c8:9b:04:05:40:5e:a3:c9:9e:8c:a5:63:fc:8c:d1:87",
		sha256: "60BDTuxY9BgSi5quE7YPrLzVHVpji/T6Uo36G2dtWhU=",
		bits:   256, length: 256,
	},
	{
		key: "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBDW9ATRTdyxoDKpATqEUcRirND0nZmcHt4S0kloRDyygXIaqQ8lL5W6K4l7vM3QGhV+wREERjEoSjmee0Xt8aJI=",
		md5: "MD5:8b:c6:dd:3a:3b:2d:7e:ed:c4:85:c6:b9:1c:92:fe:01", sha256: "9b5sW4wGiRSdgotT7kY1EOBDOJyoC9cRTGCdpco6+0Q=",
		sha512: "SHA512:MhCPnV5UyZUjFR8Zh09Qc3ZLxTMgfgteZjK3TNqhRR4iCkT+RdKZrqydenqAQy3SgIs67Kns1ZXO4M/I8Y3PrA",
		bits:   256, length: 520,
	},
	{
		key:    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBIhRoL6PfBRs9YwW3r2/pYeLrxRzEZSUO3Go8JivxMsguEKjJ3byHDPvPpMHhKKSZD/HJY/A+2Ndqp0ElB+t2qs=",
		sha256: "5YShdnIX3EEv8GzgY2BSVyOmR9ADnS71FpyobuNljxk=", bits: 256, length: 520,
	},
	{
		key:    "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBPigbd6opAMifZ7f6yYJMdOTGxkNNqvgQfrpfgoD/5LtvUdnKezOTc2PbzOLXL6XJbBcljRL0R5oi6f6d1Pay7KUrXnc5aH6YrzHGJnDzT0m5J89MqTWRJ6HgbbJqxI47g==",
		sha256: "8sbsk6c2ynKPZY222nphqMN+7PrDdvkKrYIY1sF/NJw=", bits: 384, length: 776,
	},
	{
		key:    "ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAFW/lmcie2UVv+vPAB1kG+HMbLq13iIRyt4ufRXexGpNQrKepXPxrQgQcOiI7xfSdoo0rgnZ0CzjNC7CK172ROaWwE7QGykMEK8H4zMYLcSwmIAGKvpEfAUjoWJl/4fldxFwvy+4c9JoLb8Lg5Zwn8R0uDdkSFl912DaF66E2E9+dV4HA==",
		sha256: "7W1uojgtEs1oCN7PWWH+vPPoG7wkfFcfGMY6QqTAc2k=", bits: 521, length: 1064,
	},
	{
		key:    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQCjpeSEdlfWxzTXU9mqebGW1BMXohH4Ykyi/ehDv66jkYLbEAUAycCvJTXWwCX42vzPC1xsf0lQ2xiuA7UhoVxvehYH/V+l1oysYMgQUOByKFSNhMW9ZkUmFM5m3Jps+SfoSGOCCrIqFfTQBYHrxjO/PGloDmrSjjLhwjSTkKUyzw==",
		sha256: "sCytPzi1cWnwd9V5qZer6TKwPixbFwQGLrPcSYs3bZ8=", bits: 1024, length: 1024,
	},
	{ // begins with a zero byte
		key:    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB",
		sha256: "EQTF9qxnICCBZ2UFhel5lBcR+Z9quzBUD7IL+K+zvfs=", bits: 256, length: 248,
	},
	{ // e = 3, n = 5: well-formed, and for a policy to refuse
		key:    "ssh-rsa AAAAB3NzaC1yc2EAAAABAwAAAAEF",
		sha256: "fk1u4twhysC5rfoJieougkX22syNFUIgB2pmnFc5cws=", bits: 3, length: 8,
	},
}

func TestVectors(t *testing.T) {
	t.Parallel()
	for _, v := range vectors {
		k := mustParse(t, v.key).Key
		pem, hasPEM := k.PEM()
		for _, check := range []struct{ what, got, want string }{
			{"String()", k.String(), v.key},
			{"Algorithm()", k.Algorithm(), strings.Fields(v.key)[0]},
			{"MD5()", k.MD5().String(), v.md5},
			{"MD5().Bare()", k.MD5().Bare(), strings.TrimPrefix(v.md5, "MD5:")},
			{"SHA256().Padded()", k.SHA256().Padded(), v.sha256},
			{"MD5().AppendBare()", string(k.MD5().AppendBare([]byte("+"))), "+" + k.MD5().Bare()},
			{"SHA256().Append()", string(k.SHA256().Append([]byte("+"))), "+" + k.SHA256().String()},
			{"SHA512().Append()", string(k.SHA512().Append([]byte("+"))), "+" + k.SHA512().String()},
			{"SHA256()", k.SHA256().String(), "SHA256:" + strings.TrimSuffix(v.sha256, "=")},
			{"SHA512()", k.SHA512().String(), v.sha512},
			{"PEM()", pem, v.pem},
		} {
			if check.want != "" && check.got != check.want {
				t.Errorf("%s of %s = %q, want %q", check.what, v.key, check.got, check.want)
			}
		}
		if k.Bits() != v.bits || k.Length() != v.length || !hasPEM {
			t.Errorf("%s: Bits() = %d, Length() = %d, PEM %v, want %d, %d, true", v.key, k.Bits(), k.Length(), hasPEM, v.bits, v.length)
		}
	}
}

func TestZeroKeyIsNoKey(t *testing.T) {
	t.Parallel()
	var zero sshkey.PublicKey
	_, isCrypto := zero.CryptoPublicKey()
	pem, hasPEM := zero.PEM()
	if !zero.IsZero() || zero.String()+zero.Algorithm()+pem != "" || zero.Bits()+zero.Length()+len(zero.Blob()) != 0 || isCrypto || hasPEM {
		t.Errorf("zero key = %q, %q, %d bits, length %d, PEM %v, crypto %v, want nothing", zero, zero.Algorithm(), zero.Bits(), zero.Length(), hasPEM, isCrypto)
	}
	if key := mustParse(t, ed25519Key).Key; key.IsZero() || key.Equal(zero) || zero.Equal(key) {
		t.Errorf("%q is zero or equals the zero key", key)
	}
}

func TestKeyIsImmutable(t *testing.T) {
	t.Parallel()
	blob := mustParse(t, ed25519Key).Key.Blob()
	key, err := sshkey.FromWire(blob)
	if err != nil {
		t.Fatal(err)
	}
	clear(blob)
	clear(key.Blob())
	if key.String() != ed25519Key {
		t.Errorf("after overwriting its bytes the key is %q, want %q", key, ed25519Key)
	}
}

func TestEqualLooksAtTheKeyAlone(t *testing.T) {
	t.Parallel()
	a, b := mustParse(t, "no-pty "+ed25519Key+" a").Key, mustParse(t, ed25519PEM).Key
	if other := mustParse(t, otherKey).Key; !a.Equal(b) || a.Equal(other) {
		t.Errorf("%q equals itself in PEM: %v, another key: %v, want true, false", a, a.Equal(b), a.Equal(other))
	}
	if set := map[sshkey.PublicKey]bool{a: true}; !set[b] {
		t.Errorf("a map of keys does not find %q", b)
	}
}

func TestCryptoPublicKey(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]any{
		"ed25519.pub": ed25519.PublicKey{}, "sk-ed25519.pub": ed25519.PublicKey{},
		"ecdsa256.pub": &ecdsa.PublicKey{}, "sk-ecdsa.pub": &ecdsa.PublicKey{}, "ecdsa521.pub": &ecdsa.PublicKey{},
		"rsa2048.pub": &rsa.PublicKey{}, "dsa.pub": &dsa.PublicKey{},
	} {
		got, ok := parseCorpus(t, file).Key.CryptoPublicKey()
		if !ok || reflect.TypeOf(got) != reflect.TypeOf(want) {
			t.Errorf("%s: CryptoPublicKey() = %T, %v, want %T", file, got, ok, want)
		}
	}
}

// A hardware key's PEM and length are those of the key in it.
func TestHardwareKeyShowsItsInnerKey(t *testing.T) {
	t.Parallel()
	inner := ed25519Key
	point := string(mustParse(t, inner).Key.Blob()[19:])
	hardware := mustParse(t, lineOf("sk-ssh-ed25519@openssh.com", wire("sk-ssh-ed25519@openssh.com", point, "ssh:"))).Key
	if pem, ok := hardware.PEM(); !ok || pem != ed25519PEM || hardware.Length() != 256 {
		t.Errorf("PEM() = %q, %v, Length() = %d, want %q, 256", pem, ok, hardware.Length(), ed25519PEM)
	}
	if got := parseCorpus(t, "sk-ecdsa.pub").Key.Length(); got != 520 {
		t.Errorf("sk-ecdsa: Length() = %d, want 520", got)
	}
}

// Types to come are kept as they are. The sums were made with coreutils.
func TestUnknownTypeIsKeptOpaque(t *testing.T) {
	t.Parallel()
	const name = "ssh-mldsa-65@openssh.com"
	line := mustParse(t, lineOf(name, wire(name, strings.Repeat("\x2a", 1952)))+" quantum ada")
	k := line.Key
	_, hasPEM := k.PEM()
	_, isCrypto := k.CryptoPublicKey()
	if k.Algorithm() != name || line.Comment != "quantum ada" || k.Bits() != 0 || k.Length() != 8*1952 || hasPEM || isCrypto {
		t.Errorf("%q: bits %d, length %d, PEM %v, crypto %v, comment %q", k.Algorithm(), k.Bits(), k.Length(), hasPEM, isCrypto, line.Comment)
	}
	if got, want := k.MD5().Bare(), "57:df:38:39:49:30:a3:d0:25:09:8d:9d:1e:f3:af:dc"; got != want {
		t.Errorf("MD5() = %q, want %q", got, want)
	}
	if got, want := k.SHA256().Padded(), "lgbm78B+/fwuG9fNXrk1Gcsc4uXluTK7XrC2Te7DBzk="; got != want {
		t.Errorf("SHA256() = %q, want %q", got, want)
	}
}

// Foreman measures the public value y of a DSA key, not its prime.
func TestLengthOfDSA(t *testing.T) {
	t.Parallel()
	k := mustParse(t, lineOf("ssh-dss", wire("ssh-dss", dsaPrime, dsaOrder, "\x02", "\x00\x85\x05"))).Key
	if k.Length() != 16 || k.Bits() != 1024 {
		t.Errorf("Length() = %d, Bits() = %d, want 16, 1024", k.Length(), k.Bits())
	}
}

func TestLengthOfUnknownTypes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		content string
		want    int
	}{
		"last part counts":     {wire("first", "\x00\x00ab"), 16},
		"no sequence of parts": {"\x01\x02\x03", 24},
		"zeros":                {wire("\x00\x00"), 0},
		"cut-off second part":  {wire("ab") + "\x00\x00\x00\x09x", 8*11 - 24},
	} {
		k := mustParse(t, lineOf("new", wire("new")+test.content)).Key
		if got := k.Length(); got != test.want {
			t.Errorf("%s: Length() = %d, want %d", name, got, test.want)
		}
	}
}
