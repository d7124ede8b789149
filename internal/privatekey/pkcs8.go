package privatekey

import (
	"encoding/asn1"
	"slices"

	"github.com/youmark/pkcs8"
)

// Bounds of what an encrypted PKCS#8 may ask for. OpenSSL takes 2,048 iterations
// of PBKDF2, careful people up to a million; of scrypt 16 MiB.
const (
	maxIterations  = 2_000_000
	maxScrypt      = 64 << 20 // bytes
	maxScryptLanes = 16
)

// encrypted is EncryptedPrivateKeyInfo (RFC 5958, section 3) with the
// parameters of PBES2 (RFC 8018, appendix A.4).
type encrypted struct {
	Scheme struct {
		Algorithm asn1.ObjectIdentifier
		PBES2     struct {
			KDF struct {
				Algorithm  asn1.ObjectIdentifier
				Parameters asn1.RawValue
			}
			Cipher struct {
				Algorithm  asn1.ObjectIdentifier
				Parameters asn1.RawValue `asn1:"optional"`
			}
		}
	}
	Data []byte
}

var (
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidScrypt = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11591, 4, 11}
)

// readable are the ciphers and the hashes of PBKDF2 that the library knows: AES in
// CBC and GCM, triple DES; HMAC with SHA-1 and SHA-256.
var readable = []string{
	"2.16.840.1.101.3.4.1.2", "2.16.840.1.101.3.4.1.22", "2.16.840.1.101.3.4.1.42",
	"2.16.840.1.101.3.4.1.6", "2.16.840.1.101.3.4.1.26", "2.16.840.1.101.3.4.1.46",
	"1.2.840.113549.3.7", "1.2.840.113549.2.7", "1.2.840.113549.2.9",
}

func readPKCS8(der, passphrase []byte) (any, error) {
	if err := affordablePKCS8(der); err != nil {
		return nil, err
	}
	if len(passphrase) == 0 {
		return nil, ErrNoPassphrase
	}
	return openPKCS8(der, passphrase)
}

// openPKCS8 has the library open a key. It panics at data and parameters that do
// not fit the blocks of the cipher.
func openPKCS8(der, passphrase []byte) (raw any, err error) {
	defer func() {
		if recover() != nil {
			raw, err = nil, ErrUnreadable
		}
	}()
	if raw, _, err = pkcs8.ParsePrivateKey(der, passphrase); err != nil {
		return nil, ErrWrongPassphrase
	}
	return raw, nil
}

// affordablePKCS8 refuses what asks for too much work, or what is no key that
// the library opens: its errors do not tell that from a wrong passphrase.
func affordablePKCS8(der []byte) error {
	var e encrypted
	if rest, err := asn1.Unmarshal(der, &e); err != nil || len(rest) > 0 {
		return ErrUnreadable
	}
	kdf := e.Scheme.PBES2.KDF
	switch {
	case !slices.Contains(readable, e.Scheme.PBES2.Cipher.Algorithm.String()):
		return ErrUnsupported
	case kdf.Algorithm.Equal(oidPBKDF2):
		return affordablePBKDF2(kdf.Parameters.FullBytes)
	case kdf.Algorithm.Equal(oidScrypt):
		return affordableScrypt(kdf.Parameters.FullBytes)
	}
	return ErrUnreadable
}

// affordablePBKDF2 reads the parameters of RFC 8018, appendix A.2.
func affordablePBKDF2(der []byte) error {
	var p struct {
		Salt       []byte
		Iterations int
		KeyLength  int `asn1:"optional"`
		PRF        struct {
			Algorithm  asn1.ObjectIdentifier
			Parameters asn1.RawValue `asn1:"optional"`
		} `asn1:"optional"`
	}
	if _, err := asn1.Unmarshal(der, &p); err != nil || p.Iterations < 1 {
		return ErrUnreadable
	}
	if p.Iterations > maxIterations {
		return ErrCostly
	}
	if p.PRF.Algorithm != nil && !slices.Contains(readable, p.PRF.Algorithm.String()) {
		return ErrUnsupported
	}
	return nil
}

// affordableScrypt reads the parameters of RFC 7914, section 7.
func affordableScrypt(der []byte) error {
	var p struct {
		Salt                      []byte
		Cost, BlockSize, Parallel int
		KeyLength                 int `asn1:"optional"`
	}
	if _, err := asn1.Unmarshal(der, &p); err != nil || p.Cost < 1 || p.BlockSize < 1 || p.Parallel < 1 {
		return ErrUnreadable
	}
	if p.Cost > maxScrypt || p.BlockSize > maxScrypt || 128*p.Cost*p.BlockSize > maxScrypt || p.Parallel > maxScryptLanes {
		return ErrCostly
	}
	return nil
}
