// Package connecting is the tool that connects a session's streams with ports of its container:
// what listens there on a loopback address. It connects to those ports that its arguments name,
// which are those of the session's grant, and to nothing else.
package connecting
