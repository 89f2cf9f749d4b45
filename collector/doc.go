// Package collector is the node daemon. At every tick, which falls on a whole
// multiple of the interval on the wall clock, it reads all cgroups and the host,
// finds the container of each cgroup, and passes one batch to the publisher and to
// the node's own /metrics.
//
// It connects the packages below it (cgroups, containers, host, statsd, publish),
// which do not import one another. A tick never waits for a network, a disk or a
// container runtime.
package collector
