// Package store keeps everything core knows in one SQL database: SQLite in a
// file, or PostgreSQL. It implements [core.Store], whose comments are the
// contract, and owns the schema with its migrations, the transactions, and the
// translation of driver errors to core's kinds. What the data means, who may
// touch it and what makes a change whole are core's.
//
// There is one implementation. A dialect is a value inside; where the two part,
// both texts stand side by side. A row is a private struct with the columns of
// its table, converted to and from its domain type in the file of its noun.
// Fixed queries are prepared statements over those columns (get, list, insert,
// update in row.go); what a caller can combine is built with bun.
//
// On SQLite one connection writes, and updates that wait together share one
// commit (batch.go). On PostgreSQL each update is a serializable transaction of
// its own, run again after a conflict (postgres.go). On both an update is run
// again that drew a short id which is in use (errors.go), and who comes when too
// many wait is refused (store.go).
package store
