// Package logrpc carries query.Logs of a node to a relay, over the streams of api/rpc: the
// requests, the batches of entries, and the errors with their kind.
//
// It selects and merges nothing, and decides nothing about who may read.
package logrpc
