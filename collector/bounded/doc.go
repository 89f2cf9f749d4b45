// Package bounded makes calls that may never return because another process, a
// mount or a container runtime holds them. Examples are reading /proc/PID/environ of
// a process that hangs in execve(2), and opening a file of a network filesystem
// whose server is down.
//
// Each call runs in a goroutine of its own, and the caller waits for it for a bounded
// time. The number of calls that run at once is bounded too: a call that does not
// return occupies a thread until the kernel releases it, and no signal can end it.
//
// The package does not know what is called, and imports no other package of daytwo.
package bounded
