// Package sessions opens sessions for who asks the relay: it finds the container, asks the
// policy, signs a grant, and passes the messages between the client and the node on. Who did
// what goes to the audit log.
//
// It enters no container, and keeps no stream: those are the node's, so that a session outlives
// this relay, and a client goes on with it at another one.
package sessions
