package server

import (
	"context"
	"errors"

	"github.com/daytwo/daytwo/api/metric"
)

// SendRates is a Fleet that knows how fast counters of what tasks send rise. A
// Fleet without it is asked for the last ticks of its history instead.
type SendRates interface {
	// Rises calls fn for each row of a kind for which two ticks are there, with
	// what a column rose by a second between them. Columns are AppSamples and
	// StatsdReceived.
	Rises(ctx context.Context, agent string, k metric.Kind, column int, fn func(row uint64, perSecond float64)) error
}

// rises is what a column of an agent's rows rose by a second over the last
// tick, by row ID.
func rises(ctx context.Context, f Fleet, a Agent, k metric.Kind, column int) (map[uint64]float64, error) {
	rates := map[uint64]float64{}
	if r, ok := f.(SendRates); ok {
		err := r.Rises(ctx, a.ID, k, column, func(row uint64, perSecond float64) { rates[row] = perSecond })
		return rates, err
	}
	series, err := f.Query(ctx, Query{
		Agent: a.ID, Kind: k, Column: column,
		Start: a.Time - 2*max(a.Interval, 1), End: a.Time, Limit: maxRatePoints,
	})
	if errors.Is(err, ErrNoHistory) || errors.Is(err, ErrTooMany) {
		return rates, nil // the counts are there, the rates are not
	}
	for _, s := range series {
		n := len(s.Times)
		if n < 2 || s.Times[n-1] != a.Time {
			continue
		}
		rise, elapsed := s.Values[n-1]-s.Values[n-2], s.Times[n-1]-s.Times[n-2]
		if rise >= 0 && elapsed > 0 {
			rates[s.Row.ID] = float64(rise) / float64(elapsed) * 1e9
		}
	}
	return rates, err
}

// Rises implements SendRates.
func (l *Local) Rises(_ context.Context, agent string, k metric.Kind, column int, fn func(row uint64, perSecond float64)) error {
	if agent != l.agent {
		return ErrUnknownAgent
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	l.rises(k, column, func(row uint64, perNanosecond float64) { fn(row, perNanosecond*1e9) })
	return nil
}
