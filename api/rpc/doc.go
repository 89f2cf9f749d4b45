// Package rpc asks a node something and streams the answer, over core NATS:
// logs, sessions and checks go this way. A stream carries bytes both ways, each
// with credits, so that a slow reader stops its writer and memory stays bounded;
// a message that NATS lost ends it with an error, never with a gap.
//
// It knows nothing of what is asked, and decides nothing about who may ask.
package rpc
