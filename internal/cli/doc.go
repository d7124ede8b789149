// Package cli is the keyrack command: it reads flags and environment, opens a
// store or talks to a server, and prints. Each command is in the file named
// after its noun.
//
// Data goes to stdout, everything else to stderr. Nothing a stranger wrote
// reaches a terminal as a control character. Rules are in package core, the
// running server in package server.
package cli
