// Package collector is the node daemon: once a tick, on the wall-clock grid, it
// reads every cgroup and the host, puts names to them, and hands one batch to
// the publisher and to the node's own /metrics.
//
// It wires its rooms (cgroups, containers, host, publish) together; they do not
// know one another. It never blocks a tick on a network, a disk or a runtime.
package collector
