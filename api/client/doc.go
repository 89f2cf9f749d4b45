// Package client asks a relay's native API. The JSON documents are those of
// api/v1, which api/server writes, so that the two agree.
//
// It never retries and never guesses: an error says what to do.
package client
