// Package unixsocket binds unix sockets to paths of every length that the kernel
// allows, and finds out whether somebody listens on one.
//
// It replaces what a process that has ended left at a path, and never a socket
// that is in use nor a file of another kind.
package unixsocket
