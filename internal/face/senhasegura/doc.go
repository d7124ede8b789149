// Package senhasegura speaks senhasegura's (now Segura's) PAM Core A2A
// interface for SSH keys: programs read and write the private keys of machines,
// register devices, and give custody back. It imitates the generation before
// /api/v2, as its manuals describe it from 3.23 to 4.x.
//
// Every call exists twice, below /api as since version 3.33 and below /iso as
// before, and the two differ in small things: see [dialect]. Credentials are
// OAuth 2.0 client credentials, or requests signed by OAuth 1.0. Answers have
// one flat envelope, in which each field of the outcome stands twice, in
// English and in Portuguese; the order of its fields is the product's. Errors
// have numbers, which the manuals list.
//
// Quirks kept on purpose: a request without credentials gets the 404 of the
// gateway that stands before the product; whoever is denied gets a 500; so does
// who leaves out the id of a key. The token endpoint looks at no Authorization
// header but Basic, as a published client asks for its second token with the
// first one still in that header. An operator can settle what the manuals leave
// open, see [settings].
//
// Left out: password credentials, protected information, sessions, certificates,
// the encryption of sensitive information, signatures in the manner of AWS.
package senhasegura
