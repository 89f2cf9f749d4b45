// Package client asks a relay's native API. It holds the JSON shapes of that
// API, which api/server answers with, so the two cannot drift apart.
//
// It never retries and never guesses: an error says what to do.
package client
