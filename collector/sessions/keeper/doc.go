// Package keeper holds a running session: the program's terminal or pipes, what it printed last,
// and its true exit status. It is a process of its own for each session, so that a collector may
// end, be killed or be replaced while a shell goes on; and it ends the session by itself when
// nobody owns it any more.
//
// Connections are those of a collector alone, over a unix socket. It enters no container, knows
// no network, decides nothing about who may connect, and keeps nothing that grows.
package keeper
