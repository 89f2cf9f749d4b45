// Package statsd sends to the daytwo binary as tasks do: with real clients, from
// inside real containers in network namespaces of their own, by UDP and by the
// unix socket. It compares what all routes show with what was sent, and the
// ledger with every line of it.
//
// It never looks inside: it uses flags, HTTP, sockets and standard output only.
package statsd
