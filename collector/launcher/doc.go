// Package launcher runs a command as a task: in a cgroup of its own in every
// hierarchy of the machine, with its limits, and with the StatsD endpoint that
// the node's collector hands out over the unix socket of api/launch. It is what
// 'daytwo run' does.
//
// It runs in a process of its own, never in the collector's, and reads no metric.
package launcher
