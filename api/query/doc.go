// Package query holds what a fleet answers, as Go types: its agents, the newest
// tick of each, and their history. api/server asks; a relay and a collector
// answer.
//
// It knows no transport and no document: it links no net/http.
package query
