// Package join is the node's side of enrolment: it makes the key of a node, exchanges a code
// for the credential that belongs to it, keeps both in the node's data directory, and renews
// the credential before it expires.
//
// The seed of the key never leaves the machine. The other side is the relay with the cluster's
// keys (api/bus/credentials).
package join
