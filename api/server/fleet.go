package server

import (
	"context"
	"errors"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// ErrUnknownAgent is answered for an agent that has never been heard of.
var ErrUnknownAgent = errors.New("unknown agent")

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

// Query asks for one column of all rows that Match, over time.
type Query struct {
	Agent  string // "" for all
	Kind   metric.Kind
	Column int
	Match  func(agent string, row, parent *frame.Row) bool // nil for all; parent may be nil
	Start  int64                                           // Unix nanoseconds, inclusive
	End    int64                                           // Unix nanoseconds, inclusive
	Step   int64                                           // nanoseconds; at most one point (the last) a step; 0 = every tick
	Limit  int                                             // most points in all; reached = ErrTooMany
}

// ErrTooMany is answered when a query would return more points than its limit.
var ErrTooMany = errors.New("the query returns too many points: narrow it by time, step or match")

// ErrTooLong is answered when a query would have to read too many ticks.
var ErrTooLong = errors.New("the query would read too many ticks: narrow it by time or agent")

// Series is one row's answer.
type Series struct {
	Agent  string
	Row    *frame.Row
	Parent *frame.Row // the container of a device row, else nil
	Times  []int64    // Unix nanoseconds
	Values []int64    // in the column's unit; absent points are left out
}
