// Package archtest holds the rules of the house that no compiler knows: which
// package may import which, which modules we answer for and why, that every
// package says what it is, and what must not stand in the repository's text.
//
// It is all tests and data, and imports none of our packages. Who changes a
// rule changes it here in the same commit.
package archtest
