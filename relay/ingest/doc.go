// Package ingest receives the messages of a JetStream stream as one durable
// consumer, and hands them to a handler in the order of the stream. A message is
// acknowledged once its handler is done with it; a handler that cannot take a
// message yet is given the same one again. After a restart, the first message
// that was not acknowledged comes again, and then all that follow it.
//
// It trusts nothing that a message says, and keeps none.
package ingest
