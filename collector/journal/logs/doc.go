// Package logs answers queries of this node's log entries (query.Logs) from the files of
// the journal: it finds what selectors name, says which container each entry is of, and
// tells of everything that is missing.
//
// It believes of an entry's own fields only what the sender could not have made up, keeps
// no entry, and reads nothing that nobody asks for.
package logs
