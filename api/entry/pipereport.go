package entry

// Fields of a report: an entry that a log pipe writes into a log where lines are missing, or
// may be there twice. It is of root, and from no container's cgroup.
const (
	// PipeReport is its MESSAGE_ID.
	PipeReport = "d2a7f0c6b0f64b2c8f5a3c1e9b7d4e60"
	// PipePrefix is what its message begins with.
	PipePrefix = "daytwo: "

	PipeRestarted  = "LOG_PIPE_RESTARTED" // the pipe was killed, and what it had read is missing
	PipeAway       = "AWAY_USEC"          // journald was not reachable for so many microseconds
	PipeResent     = "RESENT_LINES"       // lines that may be there twice after that
	PipeLost       = "LOST_LINES"         // lines that were dropped
	PipeSuppressed = "SUPPRESSED_LINES"   // lines that journald's rate limit suppressed
)
