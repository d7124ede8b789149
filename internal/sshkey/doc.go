// Package sshkey reads, normalises, fingerprints and judges SSH public keys.
//
// It is pure: no I/O, no state, nothing of ours imported. It owns the answer
// to "is this a public key, and which one"; who may hold it, whether it was
// proven and under which name it is kept is core's business. Private keys are
// recognised here only to be turned away.
//
// # Two steps
//
// [Parse], [FromWire] and [FromSSH] ask whether a key is well-formed and give
// a [PublicKey], which is valid by construction: nobody below needs to check it
// again. [Policy.Judge] asks whether a well-formed key is wanted. A 1024-bit
// RSA key or a DSA key is well-formed and refused by the default policy.
//
// # What is well-formed
//
// Known types are read by golang.org/x/crypto/ssh. On top of that the blob
// must be the one way to write the key: shortest integers (RFC 4251, section
// 5), nothing left over, and the same bytes when written again. So equal keys
// have equal bytes, and a fingerprint names one key. Types this package does
// not know are kept as they are if their name is well-formed and the blob
// begins with it; post-quantum types to come can be stored before they are
// understood. A certificate is unwrapped to the key it certifies.
//
// # How text is read
//
// As sshd and ssh-keygen of OpenSSH 9.2 read a line of authorized_keys, and
// stricter where leniency would hide a mistake:
//
//   - Blanks and tabs around the line and between its words are skipped; so are
//     empty lines and lines beginning with #. Lines may end in CR LF.
//   - A byte order mark is refused: sshd would take it as part of the first word.
//   - The word in front must be the type inside the blob, letter by letter.
//     OpenSSH lets names of signature algorithms (rsa-sha2-512) pass there.
//   - Base64 is canonical: padded, with no stray bits in the last character.
//   - Exactly one key. Other lines beside it are refused, not skipped.
//   - Control characters (but tab), text direction marks and anything that is
//     no UTF-8 are refused everywhere: some of it PostgreSQL cannot keep, the
//     rest can make a terminal show what is not there.
//   - Options are taken apart as in sshd(8), AUTHORIZED_KEYS FILE FORMAT; a
//     name sshd does not know makes it refuse the line, and us too.
package sshkey
