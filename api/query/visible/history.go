package visible

import (
	"context"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/sketch"
)

// History returns a history that has only visible rows. Agents of which nothing was ever
// visible have an empty history: callers ask Fleet first which agents there are.
func History(h query.History, see Filter) query.History { return &history{h, see} }

type history struct {
	all query.History
	see Filter
}

// Query implements query.History.
func (h *history) Query(ctx context.Context, q query.Query) ([]query.Series, error) {
	q.Match = h.see.match(q.Match)
	return h.all.Query(ctx, q)
}

// Histograms implements query.History.
func (h *history) Histograms(
	ctx context.Context, q query.Query, fn func(*query.AppSeries, int64, *sketch.Histogram) error,
) error {
	q.Match = h.see.match(q.Match)
	return h.all.Histograms(ctx, q, fn)
}

// Sets implements query.History.
func (h *history) Sets(
	ctx context.Context, q query.Query, fn func(*query.AppSeries, int64, *sketch.Set) error,
) error {
	q.Match = h.see.match(q.Match)
	return h.all.Sets(ctx, q, fn)
}

// Events implements query.History.
func (h *history) Events(ctx context.Context, q query.EventQuery) ([]query.Event, error) {
	q.Match = h.see.match(q.Match)
	return h.all.Events(ctx, q)
}
