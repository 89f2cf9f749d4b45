// Package bounded makes calls that may never return because another process, a
// mount or a container runtime holds them. Examples are reading /proc/PID/environ of
// a process that hangs in execve(2), and statfs(2) of a network filesystem whose
// server is down.
//
// There are two ways. A Source makes calls under a key, and the caller waits for each
// for a bounded time: for what is asked once, or now and then. A Pool makes calls that
// were prepared before, again and again and without allocating, and its caller takes
// the results as they come: for what is asked at every tick.
//
// The number of calls that run at once is bounded in both: a call that does not
// return occupies a thread until the kernel releases it, and no signal can end it.
// The package does not know what is called, and imports no other package of daytwo.
package bounded
