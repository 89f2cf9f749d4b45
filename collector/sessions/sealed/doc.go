// Package sealed has the helper program of sessions and hands it out as sealed memory, to
// be executed from there: no file of the node or of a container can take its place, and
// nothing that runs it can change it. It starts no process.
package sealed
