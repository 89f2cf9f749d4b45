package query

import (
	"context"

	"github.com/daytwo/daytwo/api/sketch"
)

// HistogramHistory is a Fleet that keeps the histograms of what tasks send.
type HistogramHistory interface {
	// Histograms calls fn with what the series of kind App that match observed
	// from one tick to a later one, whose time is at: after q.Start, and at
	// q.End the latest. Nothing is told twice, and what a series observed is
	// told whole, however many restarts of collectors lie between. Ticks in the
	// same step (of q.Step, from q.Start on) may be told of together. An s is
	// the same pointer for the same series of one run of a collector; h is only
	// valid, and must not be changed, during the call. q.Kind and q.Column are
	// not looked at; q.Limit bounds the calls. An error of fn ends it.
	Histograms(ctx context.Context, q Query, fn func(s *AppSeries, at int64, h *sketch.Histogram) error) error
}

// SetHistory is a Fleet that keeps the sets of what tasks send.
type SetHistory interface {
	// Sets calls fn with the members that the series of kind App that match show
	// at a tick, whose time is at: after q.Start, and at q.End the latest. A set
	// is that of a minute; every member that a tick of a step (of q.Step, from
	// q.Start on) shows is told in that step, but not each tick is. An s is the
	// same pointer for the same series of one run of a collector; set is only
	// valid, and must not be changed, during the call. q.Kind and q.Column are
	// not looked at; q.Limit bounds the calls. ErrTooLong is answered when the
	// span has too many ticks for that. An error of fn ends it.
	Sets(ctx context.Context, q Query, fn func(s *AppSeries, at int64, set *sketch.Set) error) error
}

// EventHistory is a Fleet that keeps the events that tasks send.
type EventHistory interface {
	// Events finds the newest events that match, at most Limit, and returns them in
	// the order of the ticks they came in, oldest first.
	Events(ctx context.Context, q EventQuery) ([]Event, error)
}
