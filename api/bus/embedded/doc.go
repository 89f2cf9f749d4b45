// Package embedded holds the NATS server with JetStream that `daytwo up` runs in its own
// process, and the permissions of a node on a NATS server.
//
// Only `daytwo up` and tests link it: collectors and relays connect to NATS through
// package bus, wherever the server runs.
package embedded
