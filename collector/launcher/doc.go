// Package launcher runs a command as a task, which is what 'daytwo run' does. A task has
// a cgroup of its own in every hierarchy of the machine, limits, and a StatsD endpoint,
// which the node's collector assigns over the unix socket of api/launch.
//
// The launcher runs in a process of its own, never in the collector's, and reads no
// metrics.
package launcher
