// Package launch is the contract between a node's collector and whoever launches
// containers on it: the DC/OS metrics isolator's, HTTP on a unix socket.
//
// It holds the shapes, a client and the socket; it decides nothing.
package launch
