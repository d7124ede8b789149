// Package backup owns the file that a backup is: its format, and its
// encryption to age recipients.
//
// Within age there is a tar archive: manifest.json, then the files that stand
// beside the database, then the rows of each table in pieces, then end.json. Rows
// are not a database's own: a backup of one database can be restored into the other.
// Age authenticates all of it, its end too; what this package checks beyond that
// is what a program, not an attacker, may have done wrong. What is to be in a
// backup, and where it is restored to, is the server's business.
package backup
