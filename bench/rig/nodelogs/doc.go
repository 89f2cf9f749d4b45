// Package nodelogs is the query.Logs of one node in memory, with cursors and names of its
// own, for tests of what asks several nodes: entries that the test appends,
// selected in the plainest way that the contract allows.
//
// It reads no journal and is never linked into the program.
package nodelogs
