// Package server builds Keyrack from its parts and runs it. It is the only
// place that wires: store, vault, core, SSH server and faces know nothing of
// each other but what the import table allows.
//
// [Run] is `keyrack serve`: open everything, listen, serve, and stop in two
// steps. [OpenLocal] is what commands use that work on the store directly,
// beside a running server or without one.
package server
