package server

import (
	"context"
	"math"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/sketch"
	"github.com/daytwo/daytwo/api/v1"
)

// percentiles answers a query for percentiles: of all observations that the
// series of a group made in a step, as if they had been sent to one place.
func (s *server) percentiles(ctx context.Context, ask *question) ([]v1.Series, error) {
	m := newMerging[sketch.Histogram](ask)
	match := func(agent string, row, parent *frame.Row) bool {
		return metric.IsAppHistogram(row.Label("type")) && ask.app.rows(row, metric.AppCount) && (ask.match == nil || ask.match(agent, row, parent))
	}
	if err := s.History.Histograms(ctx, m.query(ask, match), m.add); err != nil {
		return nil, err
	}
	if len(m.sums)*len(ask.quantiles) > maxPoints {
		return nil, query.ErrTooMany
	}
	out := make([]v1.Series, len(m.labels)*len(ask.quantiles))
	for i := range m.labels {
		for k, text := range ask.quantileTexts {
			out[i*len(ask.quantiles)+k].Labels = m.labelsOf(i, ask.name, "quantile", text)
		}
	}
	for _, p := range m.order() {
		for k, q := range ask.quantiles {
			if v := m.sums[p].Quantile(q); !math.IsNaN(v) {
				to := &out[p.group*len(ask.quantiles)+k]
				to.Points = append(to.Points, v1.Point{Time: m.at(p), Value: v})
			}
		}
	}
	return out, nil
}
