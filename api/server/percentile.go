package server

import (
	"context"
	"math"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
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

// percentiles answers a query for percentiles: of all observations that the
// series of a group made in a step, as if they had been sent to one place.
func (s *server) percentiles(ctx context.Context, ask *question) ([]client.Series, error) {
	history, ok := s.Fleet.(HistogramHistory)
	if !ok {
		return nil, ErrNoHistory
	}
	m := newMerging[sketch.Histogram](ask)
	match := func(agent string, row, parent *frame.Row) bool {
		return isHistogram(row.Label("type")) && ask.app.rows(row, metric.AppCount) && (ask.match == nil || ask.match(agent, row, parent))
	}
	if err := history.Histograms(ctx, m.query(ask, match), m.add); err != nil {
		return nil, err
	}
	if len(m.sums)*len(ask.quantiles) > maxPoints {
		return nil, ErrTooMany
	}
	out := make([]client.Series, len(m.labels)*len(ask.quantiles))
	for i := range m.labels {
		for k, text := range ask.quantileTexts {
			out[i*len(ask.quantiles)+k].Labels = m.labelsOf(i, ask.name, "quantile", text)
		}
	}
	for _, p := range m.order() {
		for k, q := range ask.quantiles {
			if v := m.sums[p].Quantile(q); !math.IsNaN(v) {
				to := &out[p.group*len(ask.quantiles)+k]
				to.Points = append(to.Points, client.Point{Time: m.at(p), Value: v})
			}
		}
	}
	return out, nil
}
