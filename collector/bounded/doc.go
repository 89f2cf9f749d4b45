// Package bounded makes calls that another process, a mount or a runtime can hold
// for ever, as reading /proc/PID/environ of a process that hangs in execve(2), or
// opening a file of a network filesystem whose server is gone. Each runs on a
// goroutine of its own; whoever asks waits for a bounded time, and a bounded
// number of calls runs at once: one that is held keeps its thread until the
// kernel lets go, and no signal ends that.
//
// It knows nothing of what is called, and imports none of our packages.
package bounded
