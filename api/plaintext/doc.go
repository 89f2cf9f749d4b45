// Package plaintext decides what may cross a network without TLS, or without proof of who is
// there: nothing that leaves this machine. Each program asks it before it listens or connects.
// With --insecure the answer is yes, and the log, daytwo doctor and a metric say so.
//
// StatsD and the receivers of sinks have rules of their own.
package plaintext
