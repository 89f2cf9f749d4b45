// Package e2e runs the daytwo binary as a user would, on real containers and
// with real clients, and compares what it shows with the kernel's own files.
//
// It never looks inside: it uses flags, HTTP, sockets and standard output only.
package e2e
