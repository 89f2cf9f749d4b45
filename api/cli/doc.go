// Package cli is the command line: the programs (up, collector, relay, doctor, run)
// with their flags, and the client commands that query a relay (node, task, statsd,
// events, top). The programs themselves are passed in by main.
//
// It never reads the kernel's files, makes cgroups, starts processes or talks to
// NATS.
package cli
