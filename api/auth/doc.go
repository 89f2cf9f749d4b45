// Package auth decides which HTTP requests are allowed. It creates and reads the admin
// token of a data directory, finds the token that a client on this machine should use,
// and wraps HTTP handlers that require the token.
//
// It never logs a token, always compares tokens in constant time, and never stores one
// where other users can read it.
package auth
