// Package bench holds what only tests and benchmarks need: the rig that starts
// real parts, load, the kernel matrix, the runner behind make test, and here the
// test of the import rules. No program imports any of it.
package bench
