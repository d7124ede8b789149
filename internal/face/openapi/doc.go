// Package openapi is the kernel of the faces that are built on Huma: the
// SSHVerify face and the native API. It owns what Huma leaves open or does in a
// way we do not want:
//
//   - Routes match exact paths, with and without a final slash. Unknown paths and
//     methods are answered with problem+json, as everything else is ([API]).
//   - Replies never repeat what was sent: Huma puts the offending value into each
//     error, and with it whatever secret stood beside it.
//   - $schema and links come from the configured address, never from the Host
//     header.
//   - Request bodies are read whole, within bounds, before anything else looks
//     at them, and must be JSON as RFC 7493 has it.
//   - The text of an internal error stays inside ([ProblemOf]).
//   - The description, the schemas and a page to read them are made once and served
//     from here; the page needs no script.
//
// Operations, types, credentials and words are the faces' own.
package openapi
