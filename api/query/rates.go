package query

import (
	"context"
	"errors"

	"github.com/daytwo/daytwo/api/metric"
)

// maxRatePoints bounds the points that LastRates reads.
const maxRatePoints = 4 << 20

// rateWindow is the number of intervals before the last tick in which the tick before it
// is searched for: a busy node misses ticks.
const rateWindow = 5

// LastRates returns a counter's increase per second between an agent's last two ticks, by
// row ID, in the column's unit. It leaves out rows that were not in both ticks. The
// result is empty, without an error, if there is no history or the agent has too many
// rows.
func LastRates(ctx context.Context, h History, a Agent, k metric.Kind, column int) (map[uint64]float64, error) {
	rates := map[uint64]float64{}
	series, err := h.Query(ctx, Query{
		Agent: a.ID, Kind: k, Column: column,
		Start: a.Time - rateWindow*max(a.Interval, 1), End: a.Time, Limit: maxRatePoints,
	})
	if errors.Is(err, ErrNoHistory) || errors.Is(err, ErrTooMany) {
		return rates, nil
	}
	for _, s := range series {
		n := len(s.Times)
		if n < 2 || s.Times[n-1] != a.Time {
			continue
		}
		rise, elapsed := s.Values[n-1]-s.Values[n-2], s.Times[n-1]-s.Times[n-2]
		if rise >= 0 && elapsed > 0 {
			rates[s.Row.ID] = float64(rise) * 1e9 / float64(elapsed)
		}
	}
	return rates, err
}
