// Package core holds what Keyrack is about: accounts, keys, projects, sessions
// and their rules. It owns the domain types, the use cases that change them,
// the decision who may do what, and the audit record of what was done.
//
// A use case is a method on [Service]. It takes the [Actor] on whose behalf it
// runs, decides permission once, and makes its change, the key's revision and
// the audit event in one transaction of the [Store]. Whatever door a request
// came through (an HTTP face, SSH, the command line) it ends here.
//
// Core knows no SQL, no HTTP and no product's wording. It leaves storage to
// package store, key formats to package sshkey, sealing to package vault, and
// hashing to package password. Times are UTC, cut to microseconds when they enter.
//
// What a noun is stands in the file of its name, as key.go; what is done with it
// in that of its plural, as keys.go.
package core
