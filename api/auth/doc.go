// Package auth says who sent a request: a Principal in its context. It creates and reads
// the admin token of a data directory, finds the token that a client on this machine
// should use, and wraps HTTP handlers that require the token. What a principal may do is
// decided by package policy below it.
//
// It never logs a token, always compares tokens in constant time, and never stores one
// where other users can read it.
package auth
