// Package cli is the command line: the programs that run (up, collector, relay,
// doctor) with their configuration, and the client commands that ask a relay
// (node, task, top). The programs themselves are handed in by main.
//
// It never reads the kernel and never talks to NATS.
package cli
