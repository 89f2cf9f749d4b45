// Package auth decides who may ask: it makes and reads the admin token of a
// data directory, finds the token a client on this machine should use, and
// guards HTTP handlers with it.
//
// It never logs a token, never compares one in variable time, and never keeps
// one where others can read it.
package auth
