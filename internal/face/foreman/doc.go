// Package foreman speaks Foreman's API v2, as version 3.13 answers it: SSH keys
// of users, the users themselves, their personal access tokens, and what their
// clients (hammer, apypie, the Ansible collection) look up on the way.
//
// Sources: the published documentation of Foreman 3.1, its source of October
// 2024, and what its clients send. What matters most:
//
//   - Clients build their requests from the description at /apidoc/v2.json, and
//     throw their copy away when Apipie-Checksum is another. The description is
//     made from the table of actions that also makes the routes, so it cannot
//     name a route that is not there. Some resources that clients insist on are
//     there without methods.
//   - Paths may begin with /api or /api/v2, and have slashes too many: hammer
//     doubles the first one. They are answered directly, never redirected.
//   - An answer to DELETE is the row as it was, with other fields and another
//     form of date than all other answers. Where the product shows hashes of
//     secrets there, this face shows null.
//   - Keys belong to a user alone; organizations and locations only say which
//     users there are for a request.
//
// Which accounts an actor sees and what he may do there is core's directory.
// Left out: plugins, user groups, other sources of authentication than the
// internal one, parameters of provisioning, and bearer tokens.
package foreman
