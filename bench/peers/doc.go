// Peers measures daytwo beside the field's tools, in one run on one machine:
// `make bench` prints the figures and writes them to RESULTS.md. It is a Go
// module of its own, so that no peer becomes a dependency of daytwo.
package main
