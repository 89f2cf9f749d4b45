// Package rules decides what is shipped of a node's log entries, and how: filters,
// joining of lines, sampling, rate limits, redaction and lists of fields, all read from
// one YAML document.
//
// It changes no entry that it is given, reads no log and sends nothing.
package rules
