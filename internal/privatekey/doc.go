// Package privatekey reads private keys of all forms that people have, and
// tells which public key is their other half.
//
// It reads OpenSSH's own form, PKCS#1, SEC 1 and PKCS#8 in PEM, and PuTTY's PPK of
// versions 2 and 3, each with or without a passphrase. It is pure: it keeps
// nothing, and no error has any of the key or the passphrase in it.
//
// Know first: the files come from strangers and name the work that opening them
// takes. What would take too much is refused before it is begun, see [ErrCostly].
// The rest still takes up to a second or so: not within a transaction.
package privatekey
