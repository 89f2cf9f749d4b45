// Package embedded is the NATS server with JetStream that `daytwo up` runs in
// its own process, and the permissions that a NATS server gives to a node.
//
// Only `daytwo up` and tests link it: collectors and relays reach NATS through
// package bus, wherever the server runs.
package embedded
