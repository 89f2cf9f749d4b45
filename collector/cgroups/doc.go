// Package cgroups reads every cgroup of the machine in one go: by a BPF walk
// where the kernel has one, else from the kernel's files, part by part. Both
// ways fill the same Snapshot and are checked against each other.
//
// It never asks what a cgroup is (package containers does) and never writes to
// a hierarchy.
package cgroups
