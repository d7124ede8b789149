// Package rig runs the built program as an operator would, for the programs
// that measure it and try to break it: keyrack itself, and a PostgreSQL server
// of its own that can be stopped, slowed and replaced.
//
// It knows the program by its flags, files and ports alone, and imports nothing
// of it.
package rig
