// Package logpipe writes what a task prints to journald: one entry a line, by journald's
// native protocol, with the task's fields. It waits where journald is slow or away, or
// drops lines and counts them where the task must not wait.
//
// It starts no task, and reads no journal.
package logpipe
