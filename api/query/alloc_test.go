//go:build !race

package query_test

import (
	"testing"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/bench/rig/testtick"
)

// The collector updates every tick.
func TestLocalUpdateAllocatesNothing(t *testing.T) {
	l, b := query.NewLocal(testtick.Agent, "node-1"), testtick.New(100, true)
	update := func(dst *frame.Batch) { query.CopyBatch(dst, b) }
	l.Update(update)
	l.Update(update)
	if n := testing.AllocsPerRun(50, func() { l.Update(update) }); n != 0 {
		t.Errorf("%v allocations an update", n)
	}
}

func TestLocalUpdateWithSeriesAllocatesNothing(t *testing.T) {
	l, b := query.NewLocal(testtick.Agent, "node-1"), testtick.New(10, true)
	testtick.AddSent(b, testtick.Sent{ID: 1, Parent: 1, Name: "hits", Type: "c"},
		testtick.Sent{ID: 2, Parent: 1, Name: "took", Type: "ms", Observed: []float64{1, 2, 1000}})
	update := func(dst *frame.Batch) { query.CopyBatch(dst, b) }
	l.Update(update)
	l.Update(update)
	if n := testing.AllocsPerRun(50, func() { l.Update(update) }); n != 0 {
		t.Errorf("%v allocations an update", n)
	}
}
