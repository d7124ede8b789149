// Package sshverify speaks version 1 of SSHVerify's REST API: a backend opens
// sessions, people connect by SSH, and the backend reads which public keys they
// hold (collect), or whether they hold given ones (verify).
//
// The original is a hosted service without a published OpenAPI document. This
// face follows its documentation as of 2026 and, where that is silent, the Huma
// framework, which the original visibly is built on; docs/face-sshverify.md says
// what is different on purpose.
//
//   - Credential: x-api-key, a key of one project, good for that project alone.
//     Objects of other projects look like objects that do not exist.
//   - Ids are opaque text, UUIDv7 here. Times are RFC 3339 in UTC.
//   - Lists are pages by offset and limit; a limit above 100 is cut to 100 and the
//     reply says so.
//   - Errors are problem+json in Huma's model. What breaks the schema is 422, what
//     breaks a rule 400.
//   - In a PATCH a member that is absent is left alone, null clears it. Where null
//     cannot be kept (booleans) it counts as absent.
//   - Objects in requests are closed: an unknown member is refused.
//   - Paths end in a slash, and work without; PUT does what PATCH does. The
//     original is uneven in both.
package sshverify
