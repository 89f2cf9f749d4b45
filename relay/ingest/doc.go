// Package ingest receives the messages of a JetStream stream through one durable
// consumer, and calls a handler with them in the order of the stream. A message is
// acknowledged once the handler has finished with it; if the handler cannot process a
// message yet, it is called with the same one again later. After a restart, messages
// are delivered again from the first one that was not acknowledged.
//
// It trusts no content of a message, and stores no message.
package ingest
