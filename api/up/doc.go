// Package up is `daytwo up`: it runs a NATS server, a relay and a collector in
// one process, and says where to look once they answer.
//
// It owns nothing else: the relay and the collector are handed in by main.
package up
