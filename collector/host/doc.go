// Package host reads the machine itself once a tick: CPUs, memory, pressure, disks,
// filesystems, network interfaces and protocol counters. It reads most of them from
// files in /proc and /sys that it holds open.
//
// It reads no single process or cgroup, and allocates nothing while the machine has
// the same CPUs, disks, filesystems and interfaces.
package host
