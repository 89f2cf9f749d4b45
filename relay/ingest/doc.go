// Package ingest takes the frames of a cluster off their JetStream stream, as a
// durable consumer with a position of its own: it goes on where it was after a
// restart, and acknowledges a frame only once the handler is done with it.
//
// It trusts nothing that a frame says, keeps none, and decodes no body.
package ingest
