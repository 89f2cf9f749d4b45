// Package shipping sends the log entries of this node to the JetStream stream of logs:
// by rules (shipping/rules), in compressed batches, in order. Its durable position moves
// only over entries that the stream has stored or that rules leave out, so that nothing
// is lost while NATS is away, and only a fault makes an entry arrive twice, with the same
// cursor.
//
// It reads no journal itself, keeps no spool, and its memory is bounded.
package shipping
