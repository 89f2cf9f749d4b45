// Package auth says who sent a request: a Principal in its context. It creates and reads
// the admin token of a data directory, and finds the token that a client on this machine
// should use. Package gate below it finds out who sends a request, and package policy
// decides what they may do.
//
// It never logs a token, always compares tokens in constant time, and never stores one
// where other users can read it.
package auth
