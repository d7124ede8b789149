// Package waldur speaks the API of Waldur MasterMind, about 8.0.6 to 8.0.9, as
// far as its SSH keys go: /api/keys/ with filters, pages and history, the log-in
// under /api-auth/, and of users, version and configuration what clients ask
// for. Waldur is a Django REST framework application, so the order of checks,
// the wording of errors and the form of pages are that framework's:
//
//	406 before 401 before 405 before 403 before the filters' 400 before 404
//
// Paths end in a slash; without it they are redirected. A list is a bare array
// with X-Result-Count and Link; HEAD counts. The filters of the list bind on
// read, delete and history too.
//
// UUIDs are written as 32 hex digits and read in any form. A token is sent as
// "Authorization: Token …", the word in any case.
//
// Left out on purpose: the browsable HTML pages, personal access tokens (off by
// default upstream), other languages, and every other resource of Waldur. Other
// than upstream, a name that is left out is the empty one (there it is a 500), a
// key made through the API has a version, and unknown paths are told in JSON.
package waldur
