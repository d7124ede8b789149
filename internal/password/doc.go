// Package password says which texts will do as a password, and hashes and checks
// them with argon2id at a bounded rate. It knows nothing of accounts.
package password
