package query

import (
	"context"

	"github.com/daytwo/daytwo/api/sketch"
)

// History provides the earlier ticks of a fleet. It is safe for concurrent use. Its
// methods return ErrUnknownAgent for an agent without history, return early when ctx
// ends, and return an error of fn unchanged.
type History interface {
	// Query reads one column over time, oldest points first. It returns ErrTooMany if
	// there are more than q.Limit points.
	Query(ctx context.Context, q Query) ([]Series, error)

	// Histograms calls fn with what a matching series of kind App observed between two
	// ticks. at is the time of the later one, in (q.Start, q.End]. Each observation is
	// reported exactly once, also across restarts of the collector. Ticks of the same
	// step (q.Step, counted from q.Start) may be reported together. s is the same pointer
	// for all calls for a series of one run of a collector. h is valid only during the
	// call, and fn must not modify it. q.Kind and q.Column are ignored; q.Limit bounds
	// the number of calls.
	Histograms(ctx context.Context, q Query, fn func(s *AppSeries, at int64, h *sketch.Histogram) error) error

	// Sets calls fn with the members that a matching series of kind App had in a tick.
	// at is the tick's time, in (q.Start, q.End]. In a tick, a set has the members of one
	// minute. Each member of a tick is reported at least once in the tick's step (q.Step,
	// counted from q.Start), though not for every tick. s is the same pointer for all
	// calls for a series of one run of a collector. set is valid only during the call,
	// and fn must not modify it. q.Kind and q.Column are ignored; q.Limit bounds the
	// number of calls. Sets returns ErrTooLong if the span has too many ticks.
	Sets(ctx context.Context, q Query, fn func(s *AppSeries, at int64, set *sketch.Set) error) error

	// Events returns the newest matching events, at most q.Limit, sorted by the ticks in
	// which they arrived, oldest first.
	Events(ctx context.Context, q EventQuery) ([]Event, error)
}

// NoHistory is the history of a collector, which keeps none: every method returns
// ErrNoHistory.
type NoHistory struct{}

// Query implements History.
func (NoHistory) Query(context.Context, Query) ([]Series, error) { return nil, ErrNoHistory }

// Histograms implements History.
func (NoHistory) Histograms(context.Context, Query, func(*AppSeries, int64, *sketch.Histogram) error) error {
	return ErrNoHistory
}

// Sets implements History.
func (NoHistory) Sets(context.Context, Query, func(*AppSeries, int64, *sketch.Set) error) error {
	return ErrNoHistory
}

// Events implements History.
func (NoHistory) Events(context.Context, EventQuery) ([]Event, error) { return nil, ErrNoHistory }
