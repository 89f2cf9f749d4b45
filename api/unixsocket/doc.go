// Package unixsocket binds unix sockets to paths of any length that the kernel allows, and
// finds out whether a process listens on one.
//
// It replaces a socket that an ended process has left, but never a socket that is in use
// or a file of another kind.
package unixsocket
