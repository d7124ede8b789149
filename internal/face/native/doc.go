// Package native speaks Keyrack's own API, below /api/keyrack/v1. So far it has
// what hosts need: the keys that open a login, as text that sshd reads.
//
//   - Credential: Authorization: Bearer with a host token. Such a token reads keys
//     and nothing else; no other credential is accepted.
//   - The answer is whole or it is none: it has a Content-Length, so a client sees
//     when it was cut off, and must then let nobody in by half of it.
//   - A login that is unknown, disabled or expired has no keys. It is no error,
//     since sshd asks for every name a stranger tries.
//   - Errors are problem+json.
package native
