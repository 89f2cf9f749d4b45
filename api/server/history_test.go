package server

import (
	"testing"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bench/rig/history"
)

// historyOf is what a relay serves that was sent these ticks.
func historyOf(t testing.TB, ticks ...*frame.Batch) Options {
	t.Helper()
	h := history.New(t)
	for _, b := range ticks {
		h.Put(b)
	}
	return Options{Fleet: h.Fleet, History: h.Store}
}

// ticksOf is n ticks in a row: every container uses half a core, and a quarter
// of a gigabyte more memory each tick.
func ticksOf(agent string, containers, n int) []*frame.Batch {
	var ticks []*frame.Batch
	first := testBatch(containers, false)
	for i := range n {
		b := testBatch(containers, false)
		b.Agent, b.Seq, b.Time = agent, uint64(i+1), testTime+int64(i)*testInterval
		for j := range b.Tables {
			b.Tables[j].Rows = first.Tables[j].Rows
		}
		t := b.Table(metric.Container)
		for r := range t.Rows {
			t.Row(r)[metric.CPUUsage] += int64(i) * 500_000_000
			t.Row(r)[metric.MemCurrent] = int64(i+1) << 28
		}
		ticks = append(ticks, b)
	}
	return ticks
}
