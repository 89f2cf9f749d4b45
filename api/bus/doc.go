// Package bus holds what collectors and relays share as NATS clients: the subjects, the
// streams of frames and of logs, and the options of a connection.
//
// It never decodes a message, runs no server (bus/embedded does), and has no clustering
// of its own: JetStream provides it.
package bus
