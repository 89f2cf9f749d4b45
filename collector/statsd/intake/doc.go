// Package intake receives packets over UDP, unix datagram sockets and unix stream
// sockets. Receivers put them into preallocated slots of lock-free rings, from which
// workers take batches.
//
// It does not parse lines, and in steady state it allocates nothing. It counts what it
// cannot deliver: shed lines by source, and the kernel's drops.
package intake
