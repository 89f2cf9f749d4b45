// Package bpf holds the BPF programs (*.bpf.c), the objects and bindings generated
// from them (*_bpfel.go), and one small Go type for the use of each program.
//
// The package returns the kernel's values unchanged: the collector gives them names,
// units and meaning. The Close of each type leaves nothing behind in the kernel.
package bpf
