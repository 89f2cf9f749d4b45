package query

import "github.com/daytwo/daytwo/api/frame"

// Agent is one node as the fleet sees it.
type Agent struct {
	ID         string
	Hostname   string
	Boot       uint64 // run of the collector
	Seq        uint64 // of the newest tick
	Time       int64  // of the newest tick, Unix nanoseconds
	Interval   int64  // nanoseconds
	Containers int    // rows that are containers (have a container_id)
	Cgroups    int    // all cgroup rows
	Missing    uint64 // ticks that later ones announced and that never came
	Stale      bool   // no tick came for several intervals, by this machine's clock
}

// Fleet is the agents and the newest tick of each. Its methods may be called by
// many goroutines.
type Fleet interface {
	// Agents returns every agent heard of, sorted by ID.
	Agents() []Agent
	// View calls fn with an agent's newest whole tick. The batch is valid, and must
	// not be changed, during the call only. It returns ErrUnknownAgent, ErrNoTick,
	// or the error of decoding the tick.
	View(agent string, fn func(*frame.Batch)) error
}
