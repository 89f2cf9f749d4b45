// Package sessionrpc carries sessions between a node and a relay, over the streams of api/rpc:
// the requests, each with its grant, and the messages of api/session/wire in both directions.
//
// It decides nothing about who may open a session, and looks into no message.
package sessionrpc
