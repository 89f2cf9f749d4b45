// Package rpc holds what a node answers when it is asked directly, over NATS or
// in one process. It defines shapes only and never talks to a network.
package rpc
