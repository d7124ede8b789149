// Command bench measures a built keyrack beside a floor: the bare libraries
// doing the same work on the same data, in the same run, under the same load
// generator, one after the other. Machines differ and are busy; ratios to the
// floor can be compared.
//
//	bench --bin ./keyrack --db both --keys 100000
//
// It loads a store through `keyrack key import`, starts a server on it and this
// program again as the floor (--floor), and runs:
//
//   - rows.go: requests over HTTP, each on so many connections
//   - visits.go: SSH connections that bring keys
//   - checks.go: what it costs to be let in
//   - memory.go, bulk.go: what is no matter of requests a second
//
// docs/performance.md tells what the rows mean. The floor is in floor.go (what
// is read), floorwrite.go and floorssh.go. It has its own SQL, after the
// product's migrations: whoever changes what a create writes changes it too.
package main
