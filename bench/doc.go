// Command bench measures a built keyrack beside a floor: the bare libraries
// doing the same work on the same data, in the same run, under the same load
// generator, one after the other. Machines differ and are busy; ratios to the
// floor can be compared.
//
//	bench --bin ./keyrack --db sqlite --keys 100000
//
// It loads a store through `keyrack key import`, runs each row on 1, 8 and 32
// connections over loopback, prints a table, and writes it to --out.
package main
