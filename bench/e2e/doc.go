// Package e2e runs the daytwo binary as a user would, on real containers and
// with real clients, and compares what it shows with the kernel's own files.
//
// It never looks inside: flags, HTTP and standard output are all it knows.
package e2e
