package query

import (
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

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

// Series is one row's answer.
type Series struct {
	Agent  string
	Row    *frame.Row
	Parent *frame.Row // the container of a device row, else nil
	Times  []int64    // Unix nanoseconds
	Values []int64    // in the column's unit; absent points are left out
}

// AppSeries is whose observations or members they are.
type AppSeries struct {
	Agent  string
	Row    *frame.Row
	Parent *frame.Row // the container, nil if the sender is not known
}
