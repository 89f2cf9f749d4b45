// Package client is a Go client of a relay's native API. It decodes the JSON documents of
// api/v1, which api/server encodes.
//
// It retries nothing but broken streams of log entries, which go on at their cursor. Its
// errors say what the user can do.
package client
