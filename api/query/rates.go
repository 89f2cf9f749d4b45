package query

import (
	"context"
	"errors"

	"github.com/daytwo/daytwo/api/metric"
)

// Rates is a Fleet that knows how much CPU each cgroup used over the last
// tick. A Fleet without it is asked for the last ticks of its history instead.
type Rates interface {
	// CPUUsed calls fn for each Container row of an agent for which two ticks
	// are there, with the cores it used between them.
	CPUUsed(ctx context.Context, agent string, fn func(row uint64, cores float64)) error
}

// maxRatePoints bounds the history that is read to tell current rates.
const maxRatePoints = 4 << 20

// CPUUsed is the cores each Container row of an agent used over the last tick,
// by row ID.
func CPUUsed(ctx context.Context, f Fleet, a Agent) (map[uint64]float64, error) {
	used := make(map[uint64]float64, a.Cgroups)
	if r, ok := f.(Rates); ok {
		err := r.CPUUsed(ctx, a.ID, func(row uint64, cores float64) { used[row] = cores })
		return used, err
	}
	series, err := f.Query(ctx, Query{
		Agent: a.ID, Kind: metric.Container, Column: metric.CPUUsage,
		Start: a.Time - 2*max(a.Interval, 1), End: a.Time, Limit: maxRatePoints,
	})
	if errors.Is(err, ErrNoHistory) || errors.Is(err, ErrTooMany) {
		return used, nil // the counters are there, the rates are not
	}
	for _, s := range series {
		n := len(s.Times)
		if n < 2 || s.Times[n-1] != a.Time {
			continue
		}
		rise, elapsed := s.Values[n-1]-s.Values[n-2], s.Times[n-1]-s.Times[n-2]
		if rise >= 0 && elapsed > 0 {
			used[s.Row.ID] = float64(rise) / float64(elapsed)
		}
	}
	return used, err
}

// SendRates is a Fleet that knows how fast counters of what tasks send rise. A
// Fleet without it is asked for the last ticks of its history instead.
type SendRates interface {
	// Rises calls fn for each row of a kind for which two ticks are there, with
	// what a column rose by a second between them. Columns are AppSamples and
	// StatsdReceived.
	Rises(ctx context.Context, agent string, k metric.Kind, column int, fn func(row uint64, perSecond float64)) error
}

// Rises is what a column of an agent's rows rose by a second over the last
// tick, by row ID.
func Rises(ctx context.Context, f Fleet, a Agent, k metric.Kind, column int) (map[uint64]float64, error) {
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
