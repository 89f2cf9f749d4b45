// Package load generates load for tests and benchmarks: processes in given cgroups
// that use CPU, memory and io or run out of memory, many idle cgroups, and the
// frames of simulated nodes. A load process is the test binary itself, executed
// again, so that it also works where there is no other program.
package load
