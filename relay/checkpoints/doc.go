// Package checkpoints sends number and hash of the newest line of a relay's audit log to a
// stream of NATS, where whoever changes the log cannot change them, and reads those of all
// relays there.
//
// It reads no log; api/audit compares.
package checkpoints
