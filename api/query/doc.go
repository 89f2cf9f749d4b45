// Package query holds the interfaces through which api/server reads a fleet: its agents,
// the newest tick of each, and their history. A relay implements them for a cluster, a
// collector for its own node.
//
// It contains no transport and no encoding: it links no net/http.
package query
