// Package broker says what people ask a relay for about sessions: open one in a container,
// attach to one, list them, end one. The relay's package sessions answers; the HTTP server asks.
//
// It does nothing itself.
package broker
