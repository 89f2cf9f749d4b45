// Package sessions answers for the sessions of a node: it verifies the grant of each request,
// finds the container that was meant, starts a keeper beside itself for each session, connects
// clients to it, and writes what happened to the node's audit log. Keepers outlive it: it takes
// up those of the collector before it.
//
// It decides nothing beyond the grant, and keeps no byte of a session.
package sessions
