package server

import (
	"context"
	"math"
	"slices"
	"time"

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
	Histograms(ctx context.Context, q Query, fn func(s *HistogramSeries, at int64, h *sketch.Histogram) error) error
}

// HistogramSeries is whose observations they are.
type HistogramSeries struct {
	Agent  string
	Row    *frame.Row
	Parent *frame.Row // the container, nil if the sender is not known
}

const (
	maxHistograms = 4 << 20   // of what a fleet tells for one answer
	maxMerged     = 256 << 20 // bytes of the histograms of one answer
)

// merged is the observations of one group in one step.
type merged struct {
	group int
	step  int64
}

// percentiles answers a query for percentiles: of all observations that the
// series of a group made in a step, as if they had been sent to one place.
func (s *server) percentiles(ctx context.Context, ask *question) ([]client.Series, error) {
	history, ok := s.Fleet.(HistogramHistory)
	if !ok {
		return nil, ErrNoHistory
	}
	start, end, step := ask.start.UnixNano(), ask.end.UnixNano(), int64(ask.step)
	if step <= 0 || step > end-start {
		step = max(1, end-start)
	}
	g := grouping{by: ask.by, alone: ask.alone, names: map[string]int{}, of: map[*HistogramSeries]int{}}
	sums := map[merged]*sketch.Histogram{}
	size := 0
	match := func(agent string, row, parent *frame.Row) bool {
		return isHistogram(row.Label("type")) && ask.app.rows(row, metric.AppCount) && (ask.match == nil || ask.match(agent, row, parent))
	}
	q := Query{Agent: ask.agent, Match: match, Start: start, End: end, Step: step, Limit: maxHistograms}
	err := history.Histograms(ctx, q, func(series *HistogramSeries, at int64, h *sketch.Histogram) error {
		if at <= start || at > end {
			return nil
		}
		at = (at - start - 1) / step // a tick tells what was before it
		m := merged{g.find(series), at}
		sum := sums[m]
		if sum == nil {
			sum = new(sketch.Histogram)
			sums[m] = sum
		}
		size -= sum.Size()
		sum.Merge(h)
		if size += sum.Size(); size > maxMerged {
			return ErrTooMany
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(sums)*len(ask.quantiles) > maxPoints {
		return nil, ErrTooMany
	}
	order := make([]merged, 0, len(sums))
	for m := range sums {
		order = append(order, m)
	}
	slices.SortFunc(order, func(a, b merged) int {
		if a.group != b.group {
			return a.group - b.group
		}
		return int(a.step - b.step)
	})
	out := make([]client.Series, len(g.labels)*len(ask.quantiles))
	for i := range g.labels {
		for k, text := range ask.quantileTexts {
			labels := map[string]string{"__name__": ask.name, "quantile": text}
			for name, value := range g.labels[i] {
				labels[name] = value
			}
			out[i*len(ask.quantiles)+k].Labels = labels
		}
	}
	for _, m := range order {
		at := time.Unix(0, min(end, start+(m.step+1)*step))
		for k, q := range ask.quantiles {
			if v := sums[m].Quantile(q); !math.IsNaN(v) {
				to := &out[m.group*len(ask.quantiles)+k]
				to.Points = append(to.Points, client.Point{Time: at, Value: v})
			}
		}
	}
	return out, nil
}
