// Package parked makes calls that may never return because a filesystem, a device or
// another process holds them. The caller need not wait: each call runs in a goroutine
// of a bounded pool, and the caller takes the result once the call has returned.
//
// A call that hangs occupies its own goroutine and nothing else. It cannot be
// cancelled, because the kernel offers no way to do that.
package parked
