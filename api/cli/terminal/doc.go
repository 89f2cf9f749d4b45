// Package terminal is the terminal in front of which a person sits: its raw mode, which is
// always left again, its size, and the keys that detach from a session.
//
// It knows nothing of sessions.
package terminal
