// Package load makes load for tests and benchmarks: processes in given cgroups
// that burn CPU, take memory, do io or run out of it, and many idle cgroups. A
// load process is the test binary itself, run again, so that it also works
// where there is no other program.
package load
