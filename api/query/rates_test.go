package query_test

import (
	"testing"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/bench/rig/history"
	"github.com/daytwo/daytwo/bench/rig/testtick"
)

// A container may get a new row with the same labels, and a busy node misses ticks:
// neither costs a rate.
func TestLastRates(t *testing.T) {
	h := history.New(t)
	b := &frame.Batch{Header: frame.Header{Agent: "a", Boot: 1, Interval: 1e9, Parts: 1}}
	for i, seconds := range []int64{100, 101, 104} {
		row := &frame.Row{ID: uint64(1 + min(i, 1)), Key: "/x", Labels: testtick.Labels("container_id", "x")}
		table := frame.Table{Kind: metric.Container, Gen: uint64(i + 1)}
		testtick.AddRow(&table, row)[metric.CPUUsage] = 5e8 * seconds
		b.Seq, b.Time, b.Tables = uint64(i+1), seconds*1e9, []frame.Table{table}
		h.Put(b)
		rates, err := query.LastRates(t.Context(), h.Store, query.Agent{ID: "a", Time: b.Time, Interval: 1e9},
			metric.Container, metric.CPUUsage)
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 && rates[2] != 5e8 {
			t.Errorf("at %d s: %v, want half a second a second for row 2", seconds, rates)
		}
	}
}
