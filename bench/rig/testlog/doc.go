// Package testlog makes log entries and records for tests of sinks: numbered ones, and
// those that receivers have stumbled over.
//
// It reads no journal.
package testlog
