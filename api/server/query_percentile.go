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

// percentiles returns percentiles of all observations that the series of each
// group made in each step.
func (s *server) percentiles(ctx context.Context, spec *querySpec) ([]v1.Series, error) {
	m := newMerger[sketch.Histogram](spec)
	match := func(agent string, row, parent *frame.Row) bool {
		return metric.IsAppHistogram(row.Label("type")) && spec.app.rows(row, metric.AppCount) &&
			(spec.match == nil || spec.match(agent, row, parent))
	}
	if err := s.History.Histograms(ctx, m.query(spec, match), m.add); err != nil {
		return nil, err
	}
	if len(m.sums)*len(spec.quantiles) > maxPoints {
		return nil, query.ErrTooMany
	}
	out := make([]v1.Series, len(m.labels)*len(spec.quantiles))
	for i := range m.labels {
		for k, text := range spec.quantileTexts {
			out[i*len(spec.quantiles)+k].Labels = m.labelsOf(i, spec.name, "quantile", text)
		}
	}
	for _, p := range m.order() {
		for k, q := range spec.quantiles {
			if v := m.sums[p].Quantile(q); !math.IsNaN(v) {
				to := &out[p.group*len(spec.quantiles)+k]
				to.Points = append(to.Points, v1.Point{Time: m.at(p), Value: v})
			}
		}
	}
	return out, nil
}
