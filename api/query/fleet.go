package query

import (
	"context"

	"github.com/daytwo/daytwo/api/frame"
)

// Agent is one node as the fleet sees it.
type Agent struct {
	ID         string
	Hostname   string
	Boot       uint64
	Seq        uint64 // of the newest tick
	Time       int64  // of the newest tick, Unix nanoseconds
	Interval   int64  // nanoseconds
	Containers int    // rows that are containers (have a container_id)
	Cgroups    int    // all cgroup rows
	Gaps       uint64 // frames that were announced by their successors and never came
	Stale      bool   // no tick has come for a while, by this machine's clock: what is known is old
}

// Fleet is what the routes read.
type Fleet interface {
	// Agents lists every agent heard of, sorted by ID.
	Agents() []Agent
	// View calls fn with the newest whole tick of an agent. The batch is only
	// valid, and must not be changed, during the call. It returns
	// ErrUnknownAgent, or what decoding said.
	View(agent string, fn func(*frame.Batch)) error
	// Query reads history, oldest first. It stops early when ctx ends.
	Query(ctx context.Context, q Query) ([]Series, error)
}
