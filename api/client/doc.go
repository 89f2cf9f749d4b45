// Package client is a Go client of a relay's native API. It decodes the JSON documents of
// api/v1, which api/server encodes.
//
// It never retries. Its errors say what the user can do.
package client
