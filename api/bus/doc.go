// Package bus is how daytwo uses NATS: the subjects, the stream of frames, the
// options of a connection, what each node may do, and the server that
// `daytwo up` embeds.
//
// It never looks into a message, and does no clustering of its own: JetStream does.
package bus
