// Package cgroups reads the metrics of every cgroup of the machine at once. It reads
// each part of them by a BPF program that walks the cgroups, where the kernel
// supports that, otherwise from the kernel's files. Both ways fill the same
// Snapshot, and a rolling check compares them.
//
// The package does not know which cgroups are containers (package containers does),
// and it never writes to a hierarchy.
package cgroups
