// Package sessions tests sessions from where people are: the command line, its terminal, and clients
// of Kubernetes, against a whole daytwo. The containers are tasks of 'daytwo run', which start at
// once and have this machine's programs; those of runtimes are tested in bench/e2e.
package sessions
