// Package apply owns the format of the apply file: the YAML in which operators
// keep accounts, keys, projects, devices and applications under version
// control. docs/apply.md is its manual.
//
// [Parse] reads a file into what core shall bring about, and says at once all
// that is wrong with the file alone: its form, things named twice, secret files
// that cannot be read. What needs the store, and every rule about what an
// account or a key is, stays with core.Service.Apply, whose errors
// [File.Explain] leads back to lines of the file.
package apply
