// Package intake receives what tasks send: UDP, unix datagrams and unix streams,
// through preallocated slots of lock-free rings, to workers that take batches.
//
// It never looks into a line, and in steady state it allocates nothing. What it
// cannot hand on it counts: shed lines by source, and the kernel's own drops.
package intake
