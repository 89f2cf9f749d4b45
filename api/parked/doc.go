// Package parked makes calls that a filesystem, a device or another process can
// hold for ever, so that the caller need not wait for them: each call runs in a
// goroutine of a bounded pool, and its result is taken whenever it is there.
//
// A call that hangs holds its own goroutine and nothing else. It cannot be
// cancelled, as the kernel offers no way to.
package parked
