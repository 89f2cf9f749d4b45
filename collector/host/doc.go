// Package host reads the machine itself, one tick at a time: CPUs, memory,
// pressure, disks, filesystems, network interfaces and protocol counters, from
// /proc and /sys under descriptors that stay open.
//
// It never looks at a single process or cgroup, and allocates nothing while
// the machine's parts stay the same.
package host
