// Package bench holds what only tests and benchmarks need: the harness that starts
// real parts (rig), generated load, the kernel matrix, the runner behind make test,
// and in this package the tests of rules for the whole source tree. No program
// imports any of it.
package bench
