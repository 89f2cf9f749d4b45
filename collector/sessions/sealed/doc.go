// Package sealed has the programs of sessions, which are the helper and the toolbox, and
// hands them out as memory that cannot be changed, to be executed from there: no file of the
// node or of a container can take their place, and nothing that runs them can change them.
// It starts no process.
package sealed
