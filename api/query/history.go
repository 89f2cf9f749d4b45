package query

import (
	"context"

	"github.com/daytwo/daytwo/api/sketch"
)

// History is what a fleet keeps of the past. Its methods may be called by many
// goroutines. They return ErrUnknownAgent for an agent without history, stop
// early when ctx ends, and return an error of fn as it is.
type History interface {
	// Query reads one column over time, oldest first. It returns ErrTooMany if
	// there are more than q.Limit points.
	Query(ctx context.Context, q Query) ([]Series, error)

	// Histograms calls fn with what the matching series of kind App observed from
	// one tick to a later one, whose time is at: after q.Start and at q.End the
	// latest. No observation is reported twice, and all of a series' observations
	// are reported, across restarts of its collector too. Ticks of the same step
	// (of q.Step, from q.Start on) may be reported together. s is the same pointer
	// for the same series of one run of a collector; h is valid, and must not be
	// changed, during the call only. q.Kind and q.Column are ignored; q.Limit
	// bounds the calls.
	Histograms(ctx context.Context, q Query, fn func(s *AppSeries, at int64, h *sketch.Histogram) error) error

	// Sets calls fn with the members that the matching series of kind App had at a
	// tick, whose time is at: after q.Start and at q.End the latest. A set holds
	// the members of one minute; each member that a tick of a step (of q.Step, from
	// q.Start on) holds is reported in that step, though not for each tick. s is
	// the same pointer for the same series of one run of a collector; set is valid,
	// and must not be changed, during the call only. q.Kind and q.Column are
	// ignored; q.Limit bounds the calls. It returns ErrTooLong if there are too
	// many ticks in the span.
	Sets(ctx context.Context, q Query, fn func(s *AppSeries, at int64, set *sketch.Set) error) error

	// Events returns the newest events that match, at most q.Limit, in the order of
	// the ticks they came in, oldest first.
	Events(ctx context.Context, q EventQuery) ([]Event, error)
}

// NoHistory is the history of a collector alone: every method returns
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
