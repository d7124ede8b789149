package password

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
	"testing"
)

// Passwords of twelve and more characters that are known from leaks, each with
// its own way of being common.
func TestCommonPasswords(t *testing.T) {
	t.Parallel()
	for _, p := range []string{
		"password1234", "Password123!", "P@ssw0rd1234", "passwordpassword", "password12345678", "1234password",
		"123456789012", "1234567890123", "123123123123", "111111111111", "aaaaaaaaaaaa", "0987654321098", "121212121212",
		"qwertyuiop123", "qwerty123456", "1q2w3e4r5t6y", "1qaz2wsx3edc", "zaq12wsxcde3", "qazwsxedcrfv", "q1w2e3r4t5y6", "asdfghjkl123",
		"abcdefghijkl", "abcd12345678", "a1b2c3d4e5f6", "abc123abc123", "1234567890abc", "poiuytrewq123",
		"iloveyou1234", "iloveyouforever", "letmeinplease", "welcome12345", "Welcome2024!!", "Summer2025!!!", "Winter2024!@#", "changeme1234",
		"administrator", "Administrator1!", "adminadmin123", "rootpassword", "admin-password", "unbelievable", "international1", "christopher1",
		"football1234", "basketball12", "manchester1234", "starwars1977!", "minecraft123!", "trustno1trustno1", "jesuschrist1", "keyrack12345",
	} {
		if !isCommon(p) {
			t.Errorf("isCommon(%q) = false, want it refused", p)
		}
	}
}

// What the rules refuse holds more than the three thousand passwords that the
// standard asks for: each word with the endings that people choose.
func TestCommonPasswordsAreThousands(t *testing.T) {
	t.Parallel()
	endings := []string{"1", "12", "123", "1234", "12345", "123456", "!", "1!", "123!", "2023", "2024", "2025", "2026", "@123", "#1", "007", "69", "99", "2000", "1990"}
	refused := map[string]bool{}
	for _, word := range strings.Fields(commonWordsText) {
		for _, p := range []string{word, strings.ToUpper(word[:1]) + word[1:]} {
			for _, end := range endings {
				if len(p+end) < minCharacters {
					continue
				}
				if !isCommon(p + end) {
					t.Errorf("isCommon(%q) = false, want it refused", p+end)
				}
				refused[p+end] = true
			}
		}
	}
	if len(refused) < 3000 {
		t.Errorf("%d passwords tried, want 3000 and more", len(refused))
	}
}

// However much of a walk or a repetition stands around a word, it stays common.
func TestPaddedPasswords(t *testing.T) {
	t.Parallel()
	for _, p := range []string{
		"password12345678901", "123456789012password", "password20242024202420", "!!!!!!!!!!!!!dragon", "monkey123456789987654321",
	} {
		if !isCommon(p) {
			t.Errorf("isCommon(%q) = false, want it refused", p)
		}
	}
}

// Good passwords and passphrases pass.
func TestUncommonPasswords(t *testing.T) {
	t.Parallel()
	for _, p := range []string{
		"correct-horse-battery", "Tr0ub4dor&3-again", "kein schöner Land in dieser Zeit", "x7#kQ9v!mR2p", "rubato-lintel-quay", "ナイフとフォークを買う日",
		"mypasswordispassword", "fishing in the old canal", "7391-2846-5520", "68698359abc52423", "summer of the seventeenth doll",
	} {
		if isCommon(p) {
			t.Errorf("isCommon(%q) = true, want it accepted", p)
		}
	}
	for i := range 2000 {
		b := make([]byte, 8)
		_, _ = rand.Read(b)
		if p := hex.EncodeToString(b); isCommon(p) {
			t.Errorf("isCommon(%q) = true at %d, want random ones accepted", p, i)
		}
	}
}
