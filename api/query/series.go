package query

import (
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// Match reports whether a query selects a row. parent is the container to which a row of
// a device, a StatsD series or an event belongs; nil for other rows, and if it is unknown.
type Match func(agent string, row, parent *frame.Row) bool

// Query selects one column of all matching rows, over time.
type Query struct {
	Agent  string // "" for all
	Kind   metric.Kind
	Column int
	Match  Match // nil for all rows
	Start  int64 // Unix nanoseconds, inclusive
	End    int64 // Unix nanoseconds, inclusive
	Step   int64 // nanoseconds: only the last point of each step; 0 for every tick
	Limit  int   // most points of all series together; more are ErrTooMany
}

// Series is the points of one row.
type Series struct {
	Agent  string
	Row    *frame.Row
	Parent *frame.Row // see Match
	Times  []int64    // Unix nanoseconds
	Values []int64    // in the column's unit; absent values are left out
}

// AppSeries is the identity of one series that a task sends.
type AppSeries struct {
	Agent  string
	Row    *frame.Row // of kind App
	Parent *frame.Row // the container that sends it, nil if that is unknown
}
