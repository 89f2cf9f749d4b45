// Package up is `daytwo up`: it runs a NATS server, a relay and a collector in one
// process, and prints their URLs once they are ready.
//
// It imports neither the relay nor the collector: main passes them as programs.
package up
