// Package node is what a relay asks a node about sessions over NATS: the requests, which carry
// a signed grant, and the answers. A request that opens or attaches is followed by a stream with
// the messages of package wire in both directions.
//
// It asks nothing itself: package rpc does.
package node
