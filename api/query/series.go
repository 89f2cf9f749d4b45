package query

import (
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// Match reports whether a row is wanted. parent is the container of a device
// row or of what a task sent, nil if there is none.
type Match func(agent string, row, parent *frame.Row) bool

// Query asks for one column of all rows that match, over time.
type Query struct {
	Agent  string // "" for all
	Kind   metric.Kind
	Column int
	Match  Match // nil for all rows
	Start  int64 // Unix nanoseconds, inclusive
	End    int64 // Unix nanoseconds, inclusive
	Step   int64 // nanoseconds: at most one point a step, the last; 0 for every tick
	Limit  int   // most points in all; more is ErrTooMany
}

// Series is one row's answer.
type Series struct {
	Agent  string
	Row    *frame.Row
	Parent *frame.Row // the container of a device row, else nil
	Times  []int64    // Unix nanoseconds
	Values []int64    // in the column's unit; absent points are left out
}

// AppSeries is the identity of one series that a task sends.
type AppSeries struct {
	Agent  string
	Row    *frame.Row // of kind App
	Parent *frame.Row // the container, nil if the sender is not known
}
