package query

import "github.com/daytwo/daytwo/api/frame"

// Agent is the state of one node.
type Agent struct {
	ID         string
	Hostname   string
	Boot       uint64 // run of the collector
	Seq        uint64 // of the newest tick
	Time       int64  // of the newest tick, Unix nanoseconds
	Interval   int64  // nanoseconds
	Containers int    // rows that are containers (have a container_id)
	Cgroups    int    // all cgroup rows
	Missing    uint64 // ticks that are missing although later ones arrived
	Stale      bool   // no tick has arrived for several intervals, by this machine's clock
}

// Fleet provides the agents and the newest tick of each. It is safe for concurrent use.
type Fleet interface {
	// Agents returns all known agents, sorted by ID.
	Agents() []Agent
	// View calls fn with an agent's newest complete tick. The batch is valid only during
	// the call, and fn must not modify it. View returns ErrUnknownAgent, ErrNoTick, ErrStalled, or
	// the error of decoding the tick.
	View(agent string, fn func(*frame.Batch)) error
}
