// Command bb tries to break a built keyrack from outside: it kills it,
// takes its disk, its database and its memory, floods it, and holds what
// clients were told to what is there afterwards.
//
//	bb --bin ./keyrack --db sqlite --size ci F1 F5
//
// It prints one line for each row of the catalogue, `ID PASS|FAIL figures
// limits`, and exits with 1 if any failed. At size ci, which is made beside other
// work, what is slow fails at five times its limit only, and is marked with ~. Without ids it runs all that --size
// has. It speaks to loopback and its own files only.
package main
