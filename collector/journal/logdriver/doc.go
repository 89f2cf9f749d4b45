// Package logdriver recognises the journal entries that container runtimes write for
// their containers' output (the journald drivers of Docker and Podman), says which
// container they are of, and joins the pieces of long lines, also those of daytwo's own
// log-pipe.
//
// It reads no journal, and takes nobody's word for an origin but a root process's.
package logdriver
