// Package testlogs implements query.Logs over entries in memory, in the plainest way that
// has every meaning of query.LogQuery: for tests of what shows and carries logs, and for
// comparison with what reads them fast.
package testlogs
