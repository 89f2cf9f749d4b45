// Package bpf holds the programs that run in the kernel, the objects and
// bindings generated from them, and one small typed door to each.
//
// It reads the kernel's own state and hands it on as it is: names, units and
// meaning are the collector's affair. Nothing stays behind when a door is closed.
package bpf
